"""A layer over sequences of unequal length that stand one after the other, for inference."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate._engine import ForwardCall, LayerPlan, layer_forward, pool_rows
from tidegate.engine._arrays import Array, Cell, Weights, address, check_array, check_weights


class RaggedForward(NamedTuple):
    """The results of a layer."""

    output: Array
    """(P, D*H): the state after every step, the directions side by side"""
    h_n: Array
    """(N, D*H): the state after each sequence's last step; backwards, after its first"""


def forward_ragged(
    cell: Cell,
    values: Array,
    offsets: NDArray[np.int64],
    directions: Sequence[Weights],
    *,
    ids: NDArray[np.int64] | None = None,
) -> RaggedForward:
    """Run one layer, in one direction or both, over flat sequences, from a state of zeros.

    A sequence's result has the same bits whatever stands beside it.

    Args:
        cell: One of ``CELLS``.
        values: The steps of all sequences, (P, I); with ids the embedding table, (V, I).
        offsets: Where each sequence begins, and the end of the last, (N + 1,), int64.
        directions: The weights forwards and, for both directions (D = 2), backwards.
        ids: The row of the table at each step, (P,), int64: then the input product is computed
            once for each distinct one.

    Raises:
        ValueError: Shapes, dtypes or offsets that do not fit.
        IndexError: An id outside of the table.
        TypeError: Something is not an array.
    """
    where = "forward_ragged"
    dtype, input_size, hidden_size = check_weights(where, cell, directions[0])
    for other in directions[1:]:
        if check_weights(where, cell, other) != (dtype, input_size, hidden_size):
            raise ValueError(f"{where}: expected both directions of one dtype and size, got others")
    check_array(where, "values", values)
    if values.ndim != 2 or values.shape[1] != input_size or values.dtype != dtype:
        raise ValueError(
            f"{where}: expected values of shape (P, I) or (V, I) with I = {input_size} and dtype "
            f"{dtype}, got {values.shape} of {values.dtype}"
        )
    num_positions = len(values)
    if ids is not None:
        ids = _integers(where, "ids", ids)
        num_positions = len(ids)
    offsets = check_offsets(where, offsets, num_positions)
    lengths = np.diff(offsets)
    num_rows, num_steps = len(lengths), int(lengths.max(initial=0))
    D = len(directions)
    source = np.ascontiguousarray(values)
    output = np.empty((num_positions, D * hidden_size), dtype)
    states = np.zeros((2, D, num_rows, hidden_size), dtype)
    starts = np.ascontiguousarray(offsets[:-1])
    steps = np.arange(num_steps, dtype=np.int64)
    plan = LayerPlan(
        cell=cell,
        dtype=dtype.name,
        num_rows=num_rows,
        num_steps=num_steps,
        input_size=input_size,
        hidden_size=hidden_size,
        row_offset=address(starts),
        step_offset=address(steps),
        lengths=address(lengths),
        ids=address(ids),
        num_embeddings=0 if ids is None else len(source),
        backwards=D == 2,
    )
    call = ForwardCall()
    call.input_stride, call.output_stride = input_size, D * hidden_size
    if ids is None:
        call.input = address(source)
    else:
        call.table = address(source)
    for d, weights in enumerate(directions if num_positions else ()):
        dense = [None if part is None else np.ascontiguousarray(part) for part in weights]
        call.reverse = d == 1
        call.weight_ih, call.weight_hh, call.bias_ih, call.bias_hh = map(address, dense)
        call.output = address(output) + d * hidden_size * dtype.itemsize
        call.h_n = address(states[0, d])
        call.c_n = address(states[1, d]) if cell == "lstm" else 0
        layer_forward(plan, call)
    return RaggedForward(output, np.concatenate([*states[0]], 1))


def pool(
    values: Array, offsets: NDArray[np.int64], how: Literal["mean", "max", "mean+max"]
) -> Array:
    """Mean, maximum or both, side by side, of the steps of every sequence.

    Args:
        values: (P, F), float32 or float64.
        offsets: (N + 1,), int64.

    Returns:
        (N, F) or (N, 2 F); zeros for a sequence without steps.
    """
    check_array("pool", "values", values)
    source, (P, F) = np.ascontiguousarray(values), values.shape
    offsets = check_offsets("pool", offsets, P)
    parts = how.split("+")
    pooled = np.zeros((len(offsets) - 1, len(parts) * F), values.dtype)
    places = {
        ("mean" if part == "mean" else "maxima"): address(pooled) + number * F * values.itemsize
        for number, part in enumerate(parts)
    }
    if P and F:
        pool_rows(
            dtype=values.dtype.name,
            num_rows=len(offsets) - 1,
            num_positions=P,
            num_features=F,
            offsets=address(offsets),
            values=address(source),
            stride=len(parts) * F,
            **places,
        )
    return pooled


def check_offsets(where: str, offsets: NDArray[np.int64], num_positions: int) -> NDArray[np.int64]:
    """Check that offsets ascend from 0 to P; gives them in C order."""
    offsets = _integers(where, "offsets", offsets)
    ends = len(offsets) and (offsets[0], offsets[-1]) == (0, num_positions)
    if not ends or (np.diff(offsets) < 0).any():
        raise ValueError(
            f"{where}: expected offsets that ascend from 0 to P = {num_positions}, got "
            f"{offsets[:3].tolist()} ... {offsets[-3:].tolist()}"
        )
    return offsets


def _integers(where: str, name: str, array: NDArray[np.int64]) -> NDArray[np.int64]:
    check_array(where, name, array)
    if array.ndim != 1 or array.dtype != np.int64:
        raise ValueError(
            f"{where}: expected {name} of one axis and dtype int64, got shape {array.shape} and "
            f"dtype {array.dtype}"
        )
    return np.ascontiguousarray(array)
