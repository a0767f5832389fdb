"""PyTorch in a worker, denormal numbers flushed to zero: a layer, or the notebook's whole step.

``torch.set_flush_denormal`` sets the calling thread alone: bits of a control register (MXCSR on
x86) of which every thread has its own. A thread begins with those of the thread that starts it, and
PyTorch's OpenMP threads live as long as the process. Called around a sample it would therefore
flush one thread's part of each operator and leave the others' as they are. Called before the first
of those threads starts, it holds in all threads of this process and in none of another peer's.
:func:`_check` looks whether it does.

Unlike the other peers this one is tidegate's interpreter and reads tidegate: its networks and steps
are those of plain PyTorch, from the same lines.
"""

from collections.abc import Callable
from typing import Any

import torch

DENORMAL_BITS = 1
"""As a float32, the smallest denormal number."""
CHECKED_PER_THREAD = 1 << 20
"""A number of elements that PyTorch spreads over all threads."""


def start(name: str, num_threads: int) -> tuple[Any, dict[str, str]]:
    """The function that builds tasks, and versions."""
    if not torch.set_flush_denormal(True):
        raise RuntimeError("expected a processor on which PyTorch flushes denormals, got another")
    torch.set_num_threads(num_threads)
    _check(num_threads)
    return _build, {"torch": torch.__version__}


def _build(
    request: dict[str, Any], arrays: dict[str, Any]
) -> tuple[Callable[[], object], dict[str, Any]]:
    from tidegate.bench.cases import notebook
    from tidegate.bench.problem import LayerProblem
    from tidegate.bench.texts import Batches
    from tidegate.bench.torch_layers import PYTORCH, Job, torch_layer

    if request["kind"] == "notebook":
        batches = Batches(arrays["tokens"], arrays["labels"], "")
        step = notebook.training(request["cell"], PYTORCH, batches)
        return step, dict(step.outputs())
    problem = LayerProblem(**request["problem"])
    layer = torch_layer(problem)
    job = Job(layer, layer, problem, training=True)
    return job, dict(job.outputs())


def _check(num_threads: int) -> None:
    """Refuse to go on where a thread keeps denormal numbers.

    They are made of bits: as numbers they would be flushed on their way into the tensor.
    """
    shape = num_threads, CHECKED_PER_THREAD
    bits = torch.full(shape, DENORMAL_BITS, dtype=torch.int32, device="cpu")
    kept = (bits.view(torch.float32) * 1.0).view(torch.int32).ne(0).any(1)
    if kept.any():
        raise RuntimeError(
            f"expected denormals flushed in all of {num_threads} threads, "
            f"got {int(kept.sum())} that keep them"
        )
