"""Checks of the arrays that are passed to the engine, and their addresses."""

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate._engine import BackwardCall, ForwardCall, num_gates

Cell = Literal["rnn_tanh", "rnn_relu", "lstm", "gru_after", "gru_before"]
Array = NDArray[Any]  # of float32 or float64: which, the checks say

CELLS: tuple[Cell, ...] = get_args(Cell)
NUM_GATES: dict[Cell, int] = {cell: num_gates(cell=cell) for cell in CELLS}
"""The number of gates, G, of every cell: its weights have G * H rows."""


class Weights(NamedTuple):
    """The parameters of one layer and direction, with G gates: G is 1, 4 (LSTM) or 3 (GRU)."""

    weight_ih: Array
    """(G*H, I), float32 or float64; every other array has the same dtype"""
    weight_hh: Array
    """(G*H, H)"""
    bias_ih: Array | None = None
    """(G*H,)"""
    bias_hh: Array | None = None
    """(G*H,)"""


def check_weights(where: str, cell: Cell, weights: Weights) -> tuple[np.dtype[Any], int, int]:
    """Check that weights fit together; gives their dtype, I and H."""
    if cell not in CELLS:
        raise ValueError(f"{where}: expected cell of {', '.join(CELLS)}, got {cell!r}")
    for name in ("weight_ih", "weight_hh"):
        array = getattr(weights, name)
        check_array(where, name, array)
        if array.ndim != 2:
            raise ValueError(f"{where}: expected {name} of two axes, got shape {array.shape}")
    dtype = weights.weight_ih.dtype
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"{where}: expected weight_ih of float32 or float64, got {dtype}")
    input_size, hidden_size = weights.weight_ih.shape[1], weights.weight_hh.shape[1]
    if hidden_size < 1:
        raise ValueError(f"{where}: expected H of at least 1, got {hidden_size}")
    gates = NUM_GATES[cell] * hidden_size
    checked(where, "weight_ih", weights.weight_ih, (gates, input_size), dtype)
    checked(where, "weight_hh", weights.weight_hh, (gates, hidden_size), dtype)
    checked(where, "bias_ih", weights.bias_ih, (gates,), dtype)
    checked(where, "bias_hh", weights.bias_hh, (gates,), dtype)
    return dtype, input_size, hidden_size


def check_array(where: str, name: str, value: object) -> None:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{where}: expected {name} as an array, got {type(value).__name__}")


def checked(
    where: str, name: str, array: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array | None:
    """Check the shape and dtype of an array; gives it in C order."""
    if array is None:
        return None
    check_array(where, name, array)
    if array.shape != shape:
        raise ValueError(f"{where}: expected {name} of shape {shape}, got {array.shape}")
    if array.dtype != dtype:
        raise ValueError(
            f"{where}: expected {name} of dtype {dtype} (the weights'), got {array.dtype}"
        )
    return np.ascontiguousarray(array)


def check_lengths(
    where: str, lengths: NDArray[np.int64], num_rows: int, num_steps: int
) -> NDArray[np.int64]:
    """Check lengths; gives a copy of them."""
    lengths = np.asarray(lengths)
    if lengths.shape != (num_rows,) or lengths.dtype.kind not in "iu":
        raise ValueError(
            f"{where}: expected lengths as integers of shape (N,) = ({num_rows},), "
            f"got shape {lengths.shape} and dtype {lengths.dtype}"
        )
    if num_rows and not 0 <= lengths.min() <= lengths.max() <= num_steps:
        raise ValueError(
            f"{where}: expected lengths from 0 to T = {num_steps}, "
            f"got {lengths.min()} to {lengths.max()}"
        )
    return np.array(lengths, dtype=np.int64, order="C")


def contiguous(array: Array | None) -> Array | None:
    return None if array is None else np.ascontiguousarray(array)


def address(array: Array | None) -> int:
    """Where an array's elements begin; 0 for none."""
    return 0 if array is None else array.ctypes.data


def set_members(call: ForwardCall | BackwardCall, **members: int) -> None:
    """Set members of a call by their names."""
    for name, value in members.items():
        setattr(call, name, value)
