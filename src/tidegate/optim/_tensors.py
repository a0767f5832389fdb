"""Checks of the tensors that go to the engine, and sparse gradients as ids and rows."""

import torch
from torch import Tensor

from tidegate.tensors import check_memory

DTYPES = {torch.float32: "float32", torch.float64: "float64"}


def check(where: str, name: str, tensor: Tensor, *, may_be_sparse: bool = False) -> None:
    """Refuse a tensor that is not in the processor's memory, or not in a dtype of the engine.

    Args:
        may_be_sparse: Whether ``torch.sparse_coo`` will do.

    Raises:
        ValueError: What was expected, and what came.
    """
    if tensor.dtype not in DTYPES or not tensor.is_cpu:
        raise ValueError(
            f"{where}: expected {name} of float32 or float64 on the CPU, got {tensor.dtype} on "
            f"{tensor.device}"
        )
    if tensor.layout is not torch.strided and not (may_be_sparse and tensor.is_sparse):
        raise ValueError(f"{where}: expected dense {name}, got {tensor.layout}")


def check_like(where: str, name: str, tensor: Tensor, param: Tensor) -> None:
    """Refuse a tensor that does not lie element by element beside a parameter.

    Raises:
        RuntimeError: Another shape, dtype, layout or device.
    """
    got, expected = (
        (tuple(each.shape), each.dtype, each.layout, each.device.type) for each in (tensor, param)
    )
    if got == expected:
        return
    shown = [
        f"shape {shape}, {dtype}, {layout} on {device}"
        for shape, dtype, layout, device in (expected, got)
    ]
    raise RuntimeError(f"{where}: expected {name} of its parameter's {shown[0]}, got {shown[1]}")


def check_writable(where: str, param: Tensor) -> None:
    """Refuse a parameter whose elements share memory with each other, as after ``expand``.

    Raises:
        RuntimeError: Which strides it has.
    """
    if param.numel() and any(
        n > 1 and not step for n, step in zip(param.shape, param.stride(), strict=True)
    ):
        raise RuntimeError(
            f"{where}: expected parameters whose elements have memory of their own, got strides "
            f"{param.stride()} for shape {tuple(param.shape)}; clone the parameter"
        )


def rows_of(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """A sparse gradient as ids, int64 (K,), and their rows, (K, ...), both dense.

    An id may stand more than once where the gradient is not coalesced.

    Raises:
        ValueError: More than the first axis is sparse.
        RuntimeError: Ids and rows that do not belong together, or without their memory.
    """
    if gradient.sparse_dim() != 1:
        raise ValueError(
            "optim: expected a sparse gradient of rows (sparse_dim = 1), got sparse_dim = "
            f"{gradient.sparse_dim()}"
        )
    ids, rows = gradient._indices()[0], gradient._values()
    expected = ids.size(0), *gradient.shape[1:]
    if rows.shape != expected:
        raise RuntimeError(
            f"optim: expected rows of shape {expected} in a sparse gradient, got "
            f"{tuple(rows.shape)}"
        )
    check_memory("optim", "ids of a sparse gradient", ids)
    check_memory("optim", "rows of a sparse gradient", rows)
    return ids.contiguous(), rows.resolve_neg().contiguous()


def distinct_rows(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """As :func:`rows_of`, every id once."""
    ids, rows = rows_of(gradient)
    # Autograd forgets that a gradient was coalesced; to sort it again costs ten times this look.
    if not gradient.is_coalesced() and not bool((ids[1:] > ids[:-1]).all()):
        return rows_of(gradient.coalesce())
    return ids, rows
