"""What one training step adds to a process's memory.

Every sample is a fresh process. It runs the step on a batch of 2 rows and 2 steps, so that code is
loaded and threads stand, gives back what it can (``malloc_trim``), reads its resident set, resets
the kernel's peak counter, runs the step on the real batch, and reads the peak. Parameters, input
and the optimiser's state are there before; what counts is activations, gradients and scratch.
"""

import ctypes
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.bench.problem import LayerProblem
from tidegate.bench.results import CaseResult, RatioResult, TaskResult
from tidegate.bench.statistics import Spread, unpaired_ratio
from tidegate.errors import TidegateError

KINDS = ("layer", "notebook")
PEERS = ("tidegate", "PyTorch")
CLEAR_REFS, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class MemoryCaseError(TidegateError):
    """Memory cannot be measured here."""


def measure(cells: Sequence[str], num_threads: int, num_samples: int = 3) -> Iterator[CaseResult]:
    """Measure all cells and both peers, first the layer alone, then the notebook's step.

    Raises:
        MemoryCaseError: The system does not tell peaks, or a process failed.
    """
    if not CLEAR_REFS.exists():
        raise MemoryCaseError("memory: expected Linux with /proc/self/clear_refs, got none")
    for kind in KINDS:
        yield _case(kind, cells, num_threads, num_samples)


def _case(kind: str, cells: Sequence[str], num_threads: int, num_samples: int) -> CaseResult:
    tasks, ratios = [], []
    for cell in cells:
        samples_by_peer = {
            peer: np.array([_sample(kind, cell, peer, num_threads) for _ in range(num_samples)])
            for peer in PEERS
        }
        for peer, samples in samples_by_peer.items():
            tasks.append(
                TaskResult(
                    variant=cell,
                    peer=peer,
                    unit="MB",
                    samples=samples.tolist(),
                    spread=Spread.of(samples),
                    repeats=1,
                    errors={},
                )
            )
        ratio = unpaired_ratio(samples_by_peer["PyTorch"], samples_by_peer["tidegate"])
        ratios.append(RatioResult(f"{cell}: PyTorch / tidegate", ratio))
    parameters = {"N": 32, "T": 200, "I": 128, "H": 128, "work": "forward and backward"}
    return CaseResult(f"memory of one step, {kind}", parameters, tasks, ratios, "rounds")


def _sample(kind: str, cell: str, peer: str, num_threads: int) -> float:
    """Megabytes (10^6 bytes) of one step in a fresh process."""
    command = [sys.executable, "-m", __name__, kind, cell, peer, str(num_threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise MemoryCaseError(f"memory: the process for {cell} in {peer} failed; it said {last}")
    return float(json.loads(done.stdout.splitlines()[-1])["MB"])


def _child(kind: str, cell: str, peer: str, num_threads: str) -> None:
    from tidegate.bench.conditions import set_threads

    set_threads(int(num_threads))
    small, step = (_notebook if kind == "notebook" else _layer)(cell, peer)
    for _ in range(3):
        small()
    ctypes.CDLL(None).malloc_trim(0)
    CLEAR_REFS.write_text("5", encoding="ascii")
    before = _status_kib("VmRSS")
    step()
    print(json.dumps({"MB": (_status_kib("VmHWM") - before) * 1024 / 1e6}))


def _layer(cell: str, peer: str) -> Any:
    from tidegate.bench import torch_layers as layers

    make = layers.tidegate_layer if peer == "tidegate" else layers.torch_layer
    jobs = []
    layer = None
    for batch, steps in ((2, 2), (32, 200)):
        problem = LayerProblem(cell, batch, steps, 128, 128)
        layer = layer or make(problem)
        jobs.append(layers.Job(layer, layer, problem, training=True))
    return jobs


def _notebook(cell: str, peer: str) -> Any:
    from tidegate.bench.cases import notebook
    from tidegate.bench.texts import Batches, notebook_batches

    batches = notebook_batches(1)
    training = notebook.training(cell, peer, batches)
    training.go_round(Batches(batches.tokens[:, :2, -2:], batches.labels[:, :2], ""))

    def step() -> None:
        training()

    def large() -> None:
        training.go_round(batches)
        training()

    return step, large


def _status_kib(name: str) -> int:
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise MemoryCaseError(f"memory: expected {name} in {STATUS}, got none")


if __name__ == "__main__":
    _child(*sys.argv[1:])
