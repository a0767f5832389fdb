"""Tensors as addresses for the engine: dense in memory, or copied to be so."""

from typing import Any

import torch
from torch import Tensor

from tidegate.nn._layout import CPU
from tidegate.tensors import check_memory

DTYPES = {torch.float32: "float32", torch.float64: "float64"}

# The address of a tensor without elements is 0, which means "none" to the engine.
_NOWHERE = torch.zeros(64, dtype=torch.uint8, device=CPU)


def address(tensor: Tensor | None) -> int:
    """The address of a dense tensor; 0 for none."""
    return 0 if tensor is None else tensor.data_ptr() or _NOWHERE.data_ptr()


def dense(where: str, name: str, tensor: Tensor) -> Tensor:
    """The tensor as its elements in order, without the views that only a flag marks.

    Raises:
        RuntimeError: Its storage was freed or cut.
    """
    return tensor if addresses(tensor) else made_dense(where, name, tensor)


def addresses(*tensors: Tensor | None) -> list[int] | None:
    """The addresses of dense tensors, 0 for none; None where one is not dense, or has no memory."""
    result = []
    for tensor in tensors:
        if tensor is None:
            result.append(0)
            continue
        # The address is 0 of zeros that PyTorch only notes; their storage does not tell.
        start = tensor.data_ptr()
        if not start or not tensor.is_contiguous():
            return None
        result.append(start)
        # A tensor that is its whole storage is no view that a flag marks, for such are parts of
        # complex tensors.
        room, size = len(tensor.untyped_storage()), tensor.nbytes
        offset = tensor.storage_offset()
        if room == size and not offset:
            continue
        if room < size + offset * tensor.itemsize or tensor.is_neg():
            return None
    return result


def made_dense(where: str, name: str, tensor: Tensor) -> Any:
    """A dense copy, or the tensor itself where it is dense; raises as :func:`dense`."""
    if tensor._is_zerotensor():
        return tensor.clone(memory_format=torch.contiguous_format)
    check_memory(where, name, tensor)
    return tensor.resolve_neg().contiguous()
