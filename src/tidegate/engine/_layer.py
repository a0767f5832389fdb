"""One layer in one direction over NumPy arrays, forward and backward."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate._engine import (
    BackwardCall,
    ForwardCall,
    LayerPlan,
    layer_backward,
    layer_forward,
    reserve_bytes,
)
from tidegate.engine._arrays import (
    Array,
    Cell,
    Weights,
    address,
    check_array,
    check_lengths,
    check_weights,
    checked,
    contiguous,
    set_members,
)


@dataclass(frozen=True)
class Saved:
    """What :func:`backward` needs of a forward call; the arrays must not change before it."""

    cell: Cell
    reverse: bool
    plan: LayerPlan
    arrays: dict[str, Array | None]
    """What the plan and both calls read and write, by name"""
    num_distinct: int
    """Distinct tokens of the batch; 0 without tokens."""


class Forward(NamedTuple):
    """The results of a layer."""

    output: Array
    """(T, N, H), or (N, T, H) with batch_first; 0 past a row's end"""
    h_n: Array
    """(N, H): the state after each row's last step (its first, in reverse)"""
    c_n: Array | None
    """(N, H), the LSTM's alone"""
    saved: Saved | None
    """For :func:`backward`, when training"""


class Gradients(NamedTuple):
    """Gradients of everything that was passed to forward; None for what was not passed."""

    input: Array | None
    """Shape of the input; None with tokens"""
    table: tuple[NDArray[np.int64], Array] | None
    """With tokens: those that occur, ascending, (K,), and their rows' gradients, (K, I)"""
    weights: Weights
    h_0: Array | None
    c_0: Array | None


def forward(
    cell: Cell,
    input: Array,
    weights: Weights,
    h_0: Array | None = None,
    c_0: Array | None = None,
    *,
    lengths: NDArray[np.int64] | None = None,
    reverse: bool = False,
    batch_first: bool = False,
    training: bool = False,
) -> Forward:
    """Run one layer in one direction over a batch.

    A row's result depends on the row alone: not on the rest of the batch, the number of
    threads, or the number of steps after its end.

    Args:
        cell: One of ``CELLS``; ``tidegate.equations`` has each as a formula.
        input: (T, N, I), or (N, T, I) with ``batch_first``; float32 or float64.
        weights: Of the input's dtype.
        h_0: (N, H); zeros if None.
        c_0: (N, H), the LSTM's alone; zeros if None.
        lengths: (N,), each from 0 to T, in any order; all T if None. A row of length 0 ends in
            its initial state.
        reverse: Read each row from its own end to its first step.
        training: Keep what :func:`backward` needs.
    Raises:
        ValueError: Shapes, dtypes or lengths that do not fit.
        TypeError: Something is not an array.
    """
    return _forward(cell, input, None, weights, h_0, c_0, lengths, reverse, batch_first, training)


def forward_tokens(
    cell: Cell,
    ids: NDArray[np.int64],
    table: Array,
    weights: Weights,
    h_0: Array | None = None,
    c_0: Array | None = None,
    *,
    lengths: NDArray[np.int64] | None = None,
    reverse: bool = False,
    batch_first: bool = False,
    training: bool = False,
) -> Forward:
    """Run one layer over tokens: the same as ``forward(cell, table[ids], ...)``, for less.

    The input product is computed once for each distinct token of the batch. Where all rows have T
    steps and begin in zeros that are not passed, steps over one token that stands at the beginning
    of several rows, as padding does, are computed once for up to eight of them.

    Args:
        ids: (T, N), or (N, T) with ``batch_first``; int64. Those past a row's end are not read.
        table: The embedding, (V, I).
    Raises:
        IndexError: A token outside 0 .. V - 1.
    The rest as in :func:`forward`.
    """
    return _forward(cell, table, ids, weights, h_0, c_0, lengths, reverse, batch_first, training)


def backward(
    saved: Saved,
    grad_output: Array | None = None,
    grad_h_n: Array | None = None,
    grad_c_n: Array | None = None,
) -> Gradients:
    """The gradients of what :func:`forward` computed; may be called more than once.

    Args:
        saved: ``forward(..., training=True).saved``.
        grad_output: Shape of the output; zeros if None. What stands past a row's end is not read.
        grad_h_n: (N, H); zeros if None.
        grad_c_n: (N, H), the LSTM's alone; zeros if None.
    Raises:
        ValueError: Shapes or dtypes that do not fit.
    """
    arrays = saved.arrays
    weights = Weights(*(arrays[name] for name in Weights._fields))  # type: ignore[arg-type]
    output, h_n = arrays["output"], arrays["h_n"]
    assert output is not None  # for the type checker
    assert h_n is not None
    dtype = output.dtype
    if grad_c_n is not None and saved.cell != "lstm":
        raise ValueError(f"backward: expected no grad_c_n for {saved.cell}, got one")
    incoming = {
        "grad_output": checked("backward", "grad_output", grad_output, output.shape, dtype),
        "grad_h_n": checked("backward", "grad_h_n", grad_h_n, h_n.shape, dtype),
        "grad_c_n": checked("backward", "grad_c_n", grad_c_n, h_n.shape, dtype),
    }
    input_size, hidden_size = weights.weight_ih.shape[1], h_n.shape[1]
    source = arrays["input"]
    outgoing: dict[str, Array | None] = {
        f"grad_{name}": None if array is None else np.empty_like(array)
        for name, array in weights._asdict().items()
    }
    for name in ("h_0", "c_0"):
        state = arrays[name]
        outgoing[f"grad_{name}"] = None if state is None else np.empty_like(state)
    outgoing["grad_input"] = np.empty_like(source) if source is not None else None
    ids: NDArray[np.int64] | None = None
    rows: Array | None = None
    if arrays["ids"] is not None:
        ids = np.empty(saved.num_distinct, dtype=np.int64)
        rows = np.empty((saved.num_distinct, input_size), dtype=dtype)
    outgoing["grad_table_ids"], outgoing["grad_table_rows"] = ids, rows
    read = {
        name: arrays[name]
        for name in ("input", "table", "weight_ih", "weight_hh", "h_0", "c_0", "output", "reserve")
    }
    call = BackwardCall()
    call.reverse = saved.reverse
    call.input_stride = call.grad_input_stride = input_size
    call.output_stride = call.grad_output_stride = hidden_size
    everything = read | incoming | outgoing
    set_members(call, **{name: address(array) for name, array in everything.items()})
    layer_backward(saved.plan, call)
    return Gradients(
        outgoing["grad_input"],
        (ids, rows) if ids is not None and rows is not None else None,
        Weights(*(outgoing[f"grad_{name}"] for name in Weights._fields)),  # type: ignore[arg-type]
        outgoing["grad_h_0"],
        outgoing["grad_c_0"],
    )


def _forward(
    cell: Cell,
    values: Array,
    ids: NDArray[np.int64] | None,
    weights: Weights,
    h_0: Array | None,
    c_0: Array | None,
    lengths: NDArray[np.int64] | None,
    reverse: bool,
    batch_first: bool,
    training: bool,
) -> Forward:
    """``values`` is the input, or with ids the table."""
    where = "forward" if ids is None else "forward_tokens"
    dtype, input_size, hidden_size = check_weights(where, cell, weights)
    named, rank = ("input", 3) if ids is None else ("table", 2)
    check_array(where, named, values)
    if ids is not None:
        check_array(where, "ids", ids)
    if values.ndim != rank or values.shape[-1] != input_size:
        letters = "(T, N, I)" if rank == 3 else "(V, I)"
        raise ValueError(
            f"{where}: expected {named} of shape {letters} with I = {input_size}, "
            f"got {values.shape}"
        )
    values_ = checked(where, named, values, values.shape, dtype)
    if ids is not None and (ids.ndim != 2 or ids.dtype != np.int64):
        raise ValueError(
            f"{where}: expected ids of two axes and dtype int64, got shape {ids.shape} "
            f"and dtype {ids.dtype}"
        )
    first, second = (values if ids is None else ids).shape[:2]
    num_steps, num_rows = (second, first) if batch_first else (first, second)
    state = num_rows, hidden_size
    if c_0 is not None and cell != "lstm":
        raise ValueError(f"{where}: expected no c_0 for {cell}, got one")
    real = num_steps * num_rows
    if lengths is not None:
        lengths = check_lengths(where, lengths, num_rows, num_steps)
        real = int(lengths.sum())
    output = np.empty((first, second, hidden_size), dtype)
    h_n = np.empty(state, dtype)
    c_n = np.empty(state, dtype) if cell == "lstm" else None
    size = reserve_bytes(cell=cell, dtype=dtype.name, hidden_size=hidden_size, num_positions=real)
    passed: dict[str, Array | None] = {
        "input": values_ if ids is None else None,
        "table": None if ids is None else values_,
        **{name: contiguous(array) for name, array in weights._asdict().items()},
        "h_0": checked(where, "h_0", h_0, state, dtype),
        "c_0": checked(where, "c_0", c_0, state, dtype),
        "output": output,
        "h_n": h_n,
        "c_n": c_n,
        "reserve": np.empty(size, np.uint8) if training else None,
    }
    steps = np.arange(num_steps, dtype=np.int64)
    rows = np.arange(num_rows, dtype=np.int64)
    planned: dict[str, Array | None] = {
        "row_offset": rows * num_steps if batch_first else rows,
        "step_offset": steps if batch_first else steps * num_rows,
        "lengths": lengths,
        # A copy, like the lengths: what backward has memory for depends on them.
        "ids": None if ids is None else np.array(ids, order="C"),
    }
    addresses: dict[str, Any] = {name: address(array) for name, array in planned.items()}
    plan = LayerPlan(
        cell=cell,
        dtype=dtype.name,
        num_rows=num_rows,
        num_steps=num_steps,
        input_size=input_size,
        hidden_size=hidden_size,
        pad=True,
        num_embeddings=0 if ids is None else values.shape[0],
        has_state=h_0 is not None or c_0 is not None,
        forwards=not reverse,
        backwards=reverse,
        **addresses,
    )
    call = ForwardCall()
    call.reverse = reverse
    call.input_stride, call.output_stride = input_size, hidden_size
    set_members(call, **{name: address(array) for name, array in passed.items()})
    distinct = layer_forward(plan, call)
    saved = Saved(cell, reverse, plan, passed | planned, distinct) if training else None
    return Forward(output, h_n, c_n, saved)
