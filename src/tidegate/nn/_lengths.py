"""Checks of how many steps the rows of a batch have: lengths, offsets, a packed batch's sizes."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from tidegate.nn import _graphs
from tidegate.tensors import check_memory

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def check_lengths(where: str, lengths: Any, N: int, T: int, is_batched: bool) -> Tensor:
    """The lengths as a contiguous int64 tensor on the CPU.

    While a graph is made only their form is checked; the engine checks the values when it runs.

    Raises:
        TypeError: They are not integers.
        RuntimeError: Not one a row.
        ValueError: One is negative or beyond T, or the input has no batch.
    """
    if not is_batched:
        raise ValueError(
            f"{where}: expected lengths only beside a batch, got them beside an input of 2 "
            "dimensions; cut the input instead"
        )
    lengths = _as_tensor(where, "lengths", lengths)
    if lengths.dtype not in INTEGERS:
        raise TypeError(f"{where}: expected lengths of an integer dtype, got {lengths.dtype}")
    if lengths.shape != (N,):
        raise RuntimeError(
            f"{where}: expected lengths of shape (N,) = ({N},), got {tuple(lengths.shape)}"
        )
    check_storage(where, "lengths", lengths)
    checked: Tensor = lengths.to("cpu", torch.int64).contiguous()
    if not _graphs.are_made():
        check_values(where, checked, T)
    return checked


def check_offsets(where: str, offsets: Any, num_positions: int) -> tuple[Tensor, Tensor, int]:
    """The offsets of a ragged batch as a contiguous int64 tensor on the CPU, the lengths, and T.

    While a graph is made only their form is checked, and T is the number of positions.

    Raises:
        TypeError: They are not int64 or int32.
        RuntimeError: They are not (N+1,).
        ValueError: As :func:`lengths_between`.
    """
    offsets = _as_tensor(where, "offsets", offsets)
    if offsets.dtype not in (torch.int64, torch.int32):
        raise TypeError(
            f"{where}: expected offsets of torch.int64 or torch.int32, got {offsets.dtype}"
        )
    if offsets.dim() != 1 or offsets.size(0) == 0:
        raise RuntimeError(
            f"{where}: expected offsets of shape (N+1,), where each row begins and the end of the "
            f"last, got {tuple(offsets.shape)}"
        )
    check_storage(where, "offsets", offsets)
    checked: Tensor = offsets.to("cpu", torch.int64).contiguous()
    if _graphs.are_made():
        return checked, checked[1:] - checked[:-1], num_positions
    return checked, *lengths_between(where, checked, num_positions)


def lengths_between(where: str, offsets: Tensor, num_positions: int) -> tuple[Tensor, int]:
    """The steps of every row, (N,), and of the longest.

    Raises:
        ValueError: The offsets do not ascend from 0 to the number of positions.
    """
    first, last = offsets[0].item(), offsets[-1].item()
    if first != 0 or last != num_positions:
        raise ValueError(
            f"{where}: expected offsets from 0 to the flat input's P = {num_positions} positions, "
            f"got them from {first} to {last}"
        )
    lengths = offsets[1:] - offsets[:-1]
    if lengths.size(0) == 0:
        return lengths, 0
    shortest, longest = torch.aminmax(lengths)
    # Beyond all positions is a length that a difference of huge numbers wrapped to.
    if shortest.item() < 0 or longest.item() > num_positions:
        row = int(((lengths < 0) | (lengths > num_positions)).nonzero()[0])
        raise ValueError(
            f"{where}: expected offsets that ascend, got {int(offsets[row + 1])} after "
            f"{int(offsets[row])} in row {row}"
        )
    return lengths, int(longest.item())


def check_storage(where: str, name: str, tensor: Tensor) -> None:
    """As :func:`tidegate.tensors.check_memory`, where a tensor has memory at all."""
    if type(tensor) is Tensor and tensor.is_cpu and not _graphs.are_made():
        check_memory(where, name, tensor)


def _as_tensor(where: str, name: str, values: Any) -> Tensor:
    """Integers given as a tensor, an array or a list."""
    if isinstance(values, Tensor):
        return values
    try:
        tensor = torch.as_tensor(values, device="cpu")
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{where}: expected {name} of integers, got {values!r}") from None
    return tensor if tensor.numel() else tensor.long()


def check_values(where: str, lengths: Tensor, T: int) -> None:
    """Raise ``ValueError`` where a row's length is not of 0 to T."""
    if lengths.numel() == 0:
        return
    shortest, longest = torch.aminmax(lengths)
    if shortest.item() < 0 or longest.item() > T:
        row = int(((lengths < 0) | (lengths > T)).nonzero()[0])
        raise ValueError(
            f"{where}: expected lengths from 0 to T = {T}, got {int(lengths[row])} in row {row}"
        )


def check_batch_sizes(where: str, batch_sizes: Tensor, num_positions: int) -> None:
    """Raise ``RuntimeError`` where the sizes of a packed batch's steps are not what packing makes.

    They were checked when the batch was packed, but a ``PackedSequence`` can be put together by
    hand, and the engine would read past the end of its data.
    """
    if batch_sizes.dtype is not torch.int64 or batch_sizes.dim() != 1 or not batch_sizes.is_cpu:
        raise RuntimeError(
            f"{where}: expected batch_sizes of shape (T,) and torch.int64 on the CPU, got "
            f"{tuple(batch_sizes.shape)} and {batch_sizes.dtype} on {batch_sizes.device}; pack "
            "with pack_padded_sequence"
        )
    check_storage(where, "batch_sizes", batch_sizes)
    sizes = batch_sizes.tolist()
    is_descending = all(a >= b for a, b in pairwise(sizes))
    if not sizes or not is_descending or sizes[-1] < 1 or sum(sizes) != num_positions:
        raise RuntimeError(
            f"{where}: expected batch_sizes that descend, are above 0 and add up to the packed "
            f"data's {num_positions} positions, got {sizes}"
        )
