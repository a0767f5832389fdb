"""What the engine may be handed: tensors as addresses, sparse gradients as rows."""

import torch
from torch import Tensor

DTYPES = {torch.float32: "float32", torch.float64: "float64"}


def check(where: str, name: str, tensor: Tensor) -> None:
    """Refuse a tensor that is not in the processor's memory, or not in a dtype of the engine.

    Raises:
        ValueError: What was expected, and what came.
    """
    if tensor.dtype not in DTYPES or not tensor.is_cpu:
        raise ValueError(
            f"{where}: expected {name} of float32 or float64 on the CPU, got {tensor.dtype} on "
            f"{tensor.device}"
        )


def rows_of(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """A sparse gradient as ids, int64 (K,), and their rows, (K, ...), both dense.

    An id may stand more than once where the gradient is not coalesced.

    Raises:
        ValueError: More than the first axis is sparse.
    """
    if gradient.sparse_dim() != 1:
        raise ValueError(
            "optim: expected a sparse gradient of rows (sparse_dim = 1), got sparse_dim = "
            f"{gradient.sparse_dim()}"
        )
    return gradient._indices()[0].contiguous(), gradient._values().contiguous()


def distinct_rows(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """As :func:`rows_of`, every id once."""
    ids, rows = rows_of(gradient)
    # Autograd forgets that a gradient was coalesced; to sort it again costs ten times this look.
    if not gradient.is_coalesced() and not bool((ids[1:] > ids[:-1]).all()):
        return rows_of(gradient.coalesce())
    return ids, rows
