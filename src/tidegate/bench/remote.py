"""Peers in processes of their own: Keras, ONNX Runtime, PyTorch with denormals flushed to zero.

Keras has one backend a process; none of them should start its threads beside PyTorch's; and whether
denormal numbers are flushed is a state of threads that plain PyTorch and tidegate work on. The
worker times its own calls, so that the pipe costs nothing that is counted.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from tidegate.bench.agreement import GRADIENT, INPUT_GRADIENT, Arrays
from tidegate.bench.foreign import ONNX_OPERATORS, from_keras, to_keras, to_onnx
from tidegate.bench.problem import LayerProblem
from tidegate.bench.runner import Task
from tidegate.errors import TidegateError

KERAS_TF, KERAS_JAX, ONNX = "Keras on TensorFlow", "Keras on JAX", "ONNX Runtime"
FLUSHED = "PyTorch, denormals flushed"

BACKENDS = {
    KERAS_TF: ("keras-tensorflow", ("keras", "tensorflow")),
    KERAS_JAX: ("keras-jax", ("keras", "jax")),
    ONNX: ("onnxruntime", ("onnxruntime", "onnx")),
    FLUSHED: ("pytorch-flushed", ("torch",)),
}
"""Name of the backend and the packages it needs."""


class WorkerError(TidegateError):
    """A peer's process failed."""


class Worker:
    """The process of one peer."""

    def __init__(self, peer: str, num_threads: int, python: str = sys.executable) -> None:
        self.peer = peer
        self.folder = tempfile.TemporaryDirectory(prefix="tidegate-bench-")
        self.numbers = count()
        self.errors = Path(self.folder.name, "stderr").open("w+", encoding="utf-8")
        script = Path(__file__).with_name("worker")
        self.process = subprocess.Popen(
            [python, str(script), BACKENDS[peer][0], str(num_threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            encoding="utf-8",
        )
        try:
            self.versions: dict[str, str] = self._read()["versions"]
        except BaseException:
            self.close()
            raise

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        return self._read()

    def build(self, arrays: Mapping[str, Any], **request: Any) -> tuple[int, Arrays]:
        """Make a task in the worker; its number, and what it computes."""
        number = next(self.numbers)
        given, out = (Path(self.folder.name, name) for name in ("in.npz", "out.npz"))
        np.savez(given, **arrays)
        self.ask(do="build", task=number, arrays=str(given), out=str(out), **request)
        with np.load(out) as file:
            return number, dict(file)

    def run(self, number: int, repeats: int) -> float:
        """Seconds of so many calls of a task."""
        return float(self.ask(do="run", task=number, repeats=repeats)["seconds"])

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        self.folder.cleanup()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise self._died()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.peer}: {answer['error']}")
        return answer

    def _died(self) -> WorkerError:
        self.errors.seek(0)
        last = self.errors.read().strip().splitlines()[-1:]
        return WorkerError(f"{self.peer}: its process ended; it said {last or 'nothing'}")


class Workers:
    """The optional peers that are there; a context manager that ends their processes."""

    def __init__(self, peers: Iterable[str], num_threads: int, python: str | None = None) -> None:
        self.present: dict[str, Worker] = {}
        self.absent: dict[str, str] = {}
        for peer in peers:
            missing = [p for p in BACKENDS[peer][1] if not python and not _is_installed(p)]
            if missing:
                self.absent[peer] = f"not installed: pip install {' '.join(missing)}"
                continue
            try:
                # The same PyTorch as in this process, for a fair comparison.
                other = None if peer == FLUSHED else python
                self.present[peer] = Worker(peer, num_threads, other or sys.executable)
            except (WorkerError, OSError) as error:
                self.absent[peer] = str(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self.present.values():
            worker.close()

    def versions(self) -> dict[str, str]:
        """The versions of the packages of all peers that are there."""
        return {k: v for worker in self.present.values() for k, v in worker.versions.items()}

    def drop(self) -> None:
        """Forget all tasks, in every worker."""
        for worker in self.present.values():
            worker.ask(do="drop")


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


class _RemoteTask:
    """Built when its outputs are asked for, which is before it is timed."""

    def __init__(
        self,
        worker: Worker,
        arrays: Mapping[str, Any],
        request: dict[str, Any],
        translate: Callable[[Arrays], Arrays],
    ) -> None:
        self.worker, self.arrays, self.request = worker, arrays, request
        self.translate = translate
        self.number = -1

    def outputs(self) -> Arrays:
        self.number, arrays = self.worker.build(self.arrays, **self.request)
        return self.translate(arrays)

    def run(self, repeats: int) -> float:
        return self.worker.run(self.number, repeats)

    def task(
        self,
        variant: str,
        expected: Callable[[], Arrays],
        gflop: float | None,
        omits: tuple[str, ...] = (),
    ) -> Task:
        return Task(variant, self.worker.peer, self.run, self.outputs, expected, gflop, omits)


def layer_task(
    worker: Worker, problem: LayerProblem, *, training: bool, expected: Callable[[], Arrays]
) -> Task | None:
    """One direction of a layer on padded input; None where the peer does not do it.

    PyTorch with denormals flushed trains alone: it is gradients that fade.
    """
    if problem.bidirectional or problem.lengths is not None:
        return None
    if worker.peer == FLUSHED:
        return _flushed_layer_task(worker, problem, expected) if training else None
    arrays: dict[str, Any] = {"input": problem.input}
    translate: Callable[[Arrays], Arrays] = dict
    if worker.peer == ONNX:
        if training:
            return None
        request = onnx_request("layer", problem)
        arrays |= to_onnx(problem.cell, problem.weights)
    else:
        request = {"kind": "layer", "cell": problem.cell, "training": training}
        arrays |= to_keras(problem.cell, problem.weights)
        if training:
            arrays["output_gradient"] = problem.output_gradient
            translate = _translator(problem.cell)
    remote = _RemoteTask(worker, arrays, request, translate)
    omits = () if worker.peer == ONNX else ("h_n", "c_n")
    return remote.task(problem.cell, expected, problem.gflop(training), omits)


def _flushed_layer_task(
    worker: Worker, problem: LayerProblem, expected: Callable[[], Arrays]
) -> Task:
    """The worker draws weights, input and gradient from the problem, as this process does."""
    remote = _RemoteTask(worker, {}, {"kind": "layer", "problem": asdict(problem)}, dict)
    return remote.task(problem.cell, expected, problem.gflop(training=True))


def step_task(worker: Worker, problem: LayerProblem, expected: Callable[[], Arrays]) -> Task:
    """ONNX Runtime, one step a call."""
    arrays = {"input": problem.input, **to_onnx(problem.cell, problem.weights)}
    remote = _RemoteTask(worker, arrays, onnx_request("step", problem), dict)
    return remote.task(problem.cell, expected, None)


def notebook_task(
    worker: Worker,
    cell: str,
    arrays: Mapping[str, Any],
    weights: Mapping[str, Any],
    expected: Callable[[], Arrays],
) -> Task:
    """The notebook's whole step in Keras, or in PyTorch with denormals flushed.

    Args:
        worker: Of one of the two.
        cell: The cell.
        arrays: ``tokens``, ``labels``, ``embedding``, ``head_weight``, ``head_bias``.
        weights: The layer's, by PyTorch's names.
        expected: The reference.
    """
    request = {"kind": "notebook", "cell": cell}
    if worker.peer == FLUSHED:
        return _RemoteTask(worker, arrays, request, dict).task(cell, expected, None)
    given = {**arrays, **to_keras(cell, weights)}
    return _RemoteTask(worker, given, request, _translator(cell)).task(cell, expected, None)


def onnx_request(kind: str, problem: LayerProblem) -> dict[str, Any]:
    """What the worker of ONNX Runtime needs to know besides the arrays."""
    return {
        "kind": kind,
        "operator": ONNX_OPERATORS[problem.cell],
        "is_reset_after": problem.cell == "gru",
    }


def _translator(cell: str) -> Callable[[Arrays], Arrays]:
    """Keras' gradients by PyTorch's names; the rest as it is."""

    def translate(arrays: Arrays) -> Arrays:
        rest = {k: v for k, v in arrays.items() if k in ("output", "loss", INPUT_GRADIENT)}
        for name in ("embedding", "head_weight", "head_bias"):
            if name in arrays:
                rest[GRADIENT + name] = arrays[name]
        layer = from_keras(cell, arrays)
        return {**rest, **{GRADIENT + name: array for name, array in layer.items()}}

    return translate
