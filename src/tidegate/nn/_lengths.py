"""Checks of how many steps the rows of a batch have: ``lengths``, and a packed batch's sizes."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def check_lengths(where: str, lengths: Any, N: int, T: int, is_batched: bool) -> Tensor:
    """The lengths as a contiguous int64 tensor on the CPU.

    While a graph is compiled only their form is checked; the engine checks the values when it runs.

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
    if not isinstance(lengths, Tensor):
        try:
            lengths = torch.as_tensor(lengths)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(f"{where}: expected lengths of integers, got {lengths!r}") from None
        if lengths.numel() == 0:
            lengths = lengths.long()
    if lengths.dtype not in INTEGERS:
        raise TypeError(f"{where}: expected lengths of an integer dtype, got {lengths.dtype}")
    if lengths.shape != (N,):
        raise RuntimeError(
            f"{where}: expected lengths of shape (N,) = ({N},), got {tuple(lengths.shape)}"
        )
    checked: Tensor = lengths.to("cpu", torch.int64).contiguous()
    if not torch.compiler.is_compiling():
        check_values(where, checked, T)
    return checked


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
    sizes = batch_sizes.tolist()
    is_descending = all(a >= b for a, b in pairwise(sizes))
    if not sizes or not is_descending or sizes[-1] < 1 or sum(sizes) != num_positions:
        raise RuntimeError(
            f"{where}: expected batch_sizes that descend, are above 0 and add up to the packed "
            f"data's {num_positions} positions, got {sizes}"
        )
