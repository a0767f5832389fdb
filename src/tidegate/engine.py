"""The door to the compiled engine; nothing else imports ``tidegate._engine``.

Two environment variables are read when this module is imported: ``TIDEGATE_ISA`` forces one of
:func:`supported_isas`, ``TIDEGATE_NUM_THREADS`` sets the number of threads. Neither changes a
result by more than rounding: the number of threads changes no bit, the instruction set the last
ones.
"""

import os
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate import _engine
from tidegate._engine import (
    AdamTable,
    active_isa,
    adam_dense,
    cpu_name,
    fma_peak,
    keep_mask,
    kept_memory,
    layer_backward,
    layer_forward,
    multiply,
    num_threads,
    pool_rows,
    reserve_bytes,
    share_openmp,
    sum_of_squares,
    supported_isas,
    unpool_rows,
    usable_isas,
)
from tidegate.errors import IsaError, ThreadsError

__all__ = [
    "CELLS",
    "AdamTable",
    "Cell",
    "Forward",
    "Gradients",
    "Saved",
    "Stepper",
    "Weights",
    "active_isa",
    "adam_dense",
    "apply",
    "backward",
    "cpu_name",
    "fma_peak",
    "forward",
    "forward_tokens",
    "keep_mask",
    "kept_memory",
    "layer_backward",
    "layer_forward",
    "multiply",
    "num_threads",
    "pool_rows",
    "reserve_bytes",
    "set_num_threads",
    "share_openmp",
    "sum_of_squares",
    "supported_isas",
    "unpool_rows",
    "usable_isas",
    "use_isa",
]

Cell = Literal["rnn_tanh", "rnn_relu", "lstm", "gru_after", "gru_before"]
Array = NDArray[Any]  # of float32 or float64: which, the checks say

CELLS: tuple[Cell, ...] = get_args(Cell)
_NUM_GATES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru_after": 3, "gru_before": 3}


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


@dataclass(frozen=True)
class Saved:
    """What :func:`backward` needs of a forward call; the arrays must not change in between."""

    call: dict[str, Any]
    """The arguments that both pointer-level calls share."""
    arrays: dict[str, Array | None]
    num_distinct: int
    """Distinct tokens of the batch; 0 without tokens."""


class Forward(NamedTuple):
    """What a layer computes."""

    output: Array
    """(T, N, H), or (N, T, H) with batch_first; 0 past a row's end"""
    h_n: Array
    """(N, H): the state after each row's last step (its first, in reverse)"""
    c_n: Array | None
    """(N, H), the LSTM's alone"""
    saved: Saved | None
    """For :func:`backward`, when training"""


class Gradients(NamedTuple):
    """Derivatives by what went in; None where nothing of the kind went in."""

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

    A row's result depends on nothing but the row: not on the rest of the batch, the number of
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

    The input product is computed once for each distinct token of the batch.

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
    arrays, call = saved.arrays, saved.call
    weights = Weights(*(arrays[name] for name in Weights._fields))  # type: ignore[arg-type]
    output, h_n = arrays["output"], arrays["h_n"]
    assert output is not None  # for the type checker
    assert h_n is not None
    dtype = output.dtype
    is_lstm = call["cell"] == "lstm"
    if grad_c_n is not None and not is_lstm:
        raise ValueError(f"backward: expected no grad_c_n for {call['cell']}, got one")
    incoming = {
        "grad_output": _checked("backward", "grad_output", grad_output, output.shape, dtype),
        "grad_h_n": _checked("backward", "grad_h_n", grad_h_n, h_n.shape, dtype),
        "grad_c_n": _checked("backward", "grad_c_n", grad_c_n, h_n.shape, dtype),
    }
    has_ids = arrays["ids"] is not None
    source = arrays["input"]
    outgoing: dict[str, Array | None] = {
        f"grad_{name}": None if array is None else np.empty_like(array)
        for name, array in weights._asdict().items()
    }
    outgoing["grad_h_0"] = np.empty_like(h_n)
    outgoing["grad_c_0"] = np.empty_like(h_n) if is_lstm else None
    outgoing["grad_input"] = np.empty_like(source) if source is not None else None
    ids: NDArray[np.int64] | None = None
    rows: Array | None = None
    if has_ids:
        ids = np.empty(saved.num_distinct, dtype=np.int64)
        rows = np.empty((saved.num_distinct, call["input_size"]), dtype=dtype)
    outgoing["grad_table_ids"], outgoing["grad_table_rows"] = ids, rows
    read = {
        name: arrays[name]
        for name in ("input", "ids", "table", "weight_ih", "weight_hh", "h_0", "c_0", "output")
    }
    addresses: dict[str, Any] = {
        name: _address(array)
        for name, array in (read | incoming | outgoing | {"reserve": arrays["reserve"]}).items()
    }
    layer_backward(
        **call,
        **addresses,
        output_stride=call["hidden_size"],
        grad_output_stride=call["hidden_size"],
        grad_input_stride=call["input_size"],
    )
    return Gradients(
        outgoing["grad_input"],
        (ids, rows) if ids is not None and rows is not None else None,
        Weights(*(outgoing[f"grad_{name}"] for name in Weights._fields)),  # type: ignore[arg-type]
        outgoing["grad_h_0"],
        outgoing["grad_c_0"],
    )


class Stepper:
    """One step at a time, for streams: weights packed once, state in place, nothing allocated.

    Steps give the same bits as :func:`forward` over the whole sequence. One thread at a time.

    Args:
        cell: One of ``CELLS``.
        weights: Copied.
        batch_size: Rows, N.
    Raises:
        ValueError: Shapes or dtypes that do not fit.
    """

    h: Array
    """(N, H): the state, zeros at first; write into it to set it"""
    c: Array | None
    """(N, H), the LSTM's alone"""

    def __init__(self, cell: Cell, weights: Weights, batch_size: int = 1) -> None:
        dtype, input_size, hidden_size = _check_weights("Stepper", cell, weights)
        if batch_size < 1:
            raise ValueError(f"Stepper: expected batch_size of at least 1, got {batch_size}")
        shape = batch_size, hidden_size
        packed = Weights(*(_contiguous(array) for array in weights))  # type: ignore[arg-type]
        self._stepper = _engine.Stepper(
            cell=cell,
            dtype=dtype.name,
            num_rows=batch_size,
            input_size=input_size,
            hidden_size=hidden_size,
            **{name: _address(array) for name, array in packed._asdict().items()},
        )
        self.h = np.zeros(shape, dtype)
        self.c = np.zeros(shape, dtype) if cell == "lstm" else None

    def step(self, input: Array) -> Array:
        """Read one vector a row, (N, I) or, for one row, (I,); returns ``h``, not a copy."""
        if self.c is None:
            self._stepper.step(input, self.h)
        else:
            self._stepper.step(input, self.h, self.c)
        return self.h

    def reset(self) -> None:
        """Set the state to zeros."""
        self.h.fill(0)
        if self.c is not None:
            self.c.fill(0)


def apply(function: Literal["exp", "tanh", "sigmoid"], input: Array) -> Array:
    """A gate function as the kernels compute it, by elements; for tests of its accuracy."""
    values = np.ascontiguousarray(input)
    result = np.empty_like(values)
    _engine.apply(function, values.dtype.name, _address(values), _address(result), values.size)
    return result


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
    dtype, input_size, hidden_size = _check_weights(where, cell, weights)
    named, rank = ("input", 3) if ids is None else ("table", 2)
    _check_array(where, named, values)
    if ids is not None:
        _check_array(where, "ids", ids)
    if values.ndim != rank or values.shape[-1] != input_size:
        letters = "(T, N, I)" if rank == 3 else "(V, I)"
        raise ValueError(
            f"{where}: expected {named} of shape {letters} with I = {input_size}, "
            f"got {values.shape}"
        )
    values_ = _checked(where, named, values, values.shape, dtype)
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
        lengths = _check_lengths(where, lengths, num_rows, num_steps)
        real = int(lengths.sum())
    output = np.empty((first, second, hidden_size), dtype)
    h_n = np.empty(state, dtype)
    c_n = np.empty(state, dtype) if cell == "lstm" else None
    size = reserve_bytes(cell=cell, dtype=dtype.name, hidden_size=hidden_size, num_positions=real)
    arrays: dict[str, Array | None] = {
        "input": values_ if ids is None else None,
        "ids": None if ids is None else np.ascontiguousarray(ids),
        "table": None if ids is None else values_,
        **{name: _contiguous(array) for name, array in weights._asdict().items()},
        "h_0": _checked(where, "h_0", h_0, state, dtype),
        "c_0": _checked(where, "c_0", c_0, state, dtype),
        "output": output,
        "h_n": h_n,
        "c_n": c_n,
        "reserve": np.empty(size, np.uint8) if training else None,
    }
    steps = np.arange(num_steps, dtype=np.int64)
    rows = np.arange(num_rows, dtype=np.int64)
    offsets = {
        "row_offset": rows * num_steps if batch_first else rows,
        "step_offset": steps if batch_first else steps * num_rows,
        "lengths": lengths,
    }
    call = {
        "cell": cell,
        "dtype": dtype.name,
        "num_rows": num_rows,
        "num_steps": num_steps,
        "input_size": input_size,
        "hidden_size": hidden_size,
        "reverse": reverse,
        "pad": True,
        "input_stride": input_size,
        "num_embeddings": 0 if ids is None else values.shape[0],
        **{name: _address(array) for name, array in offsets.items()},
    }
    addresses: dict[str, Any] = {name: _address(array) for name, array in arrays.items()}
    distinct = layer_forward(**call, **addresses, output_stride=hidden_size)
    saved = Saved(call, arrays | offsets, distinct) if training else None
    return Forward(output, h_n, c_n, saved)


def _check_weights(where: str, cell: Cell, weights: Weights) -> tuple[np.dtype[Any], int, int]:
    """The dtype, I and H of weights that fit together."""
    if cell not in CELLS:
        raise ValueError(f"{where}: expected cell of {', '.join(CELLS)}, got {cell!r}")
    for name in ("weight_ih", "weight_hh"):
        array = getattr(weights, name)
        _check_array(where, name, array)
        if array.ndim != 2:
            raise ValueError(f"{where}: expected {name} of two axes, got shape {array.shape}")
    dtype = weights.weight_ih.dtype
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"{where}: expected weight_ih of float32 or float64, got {dtype}")
    input_size, hidden_size = weights.weight_ih.shape[1], weights.weight_hh.shape[1]
    if hidden_size < 1:
        raise ValueError(f"{where}: expected H of at least 1, got {hidden_size}")
    gates = _NUM_GATES[cell] * hidden_size
    _checked(where, "weight_ih", weights.weight_ih, (gates, input_size), dtype)
    _checked(where, "weight_hh", weights.weight_hh, (gates, hidden_size), dtype)
    _checked(where, "bias_ih", weights.bias_ih, (gates,), dtype)
    _checked(where, "bias_hh", weights.bias_hh, (gates,), dtype)
    return dtype, input_size, hidden_size


def _check_array(where: str, name: str, value: object) -> None:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{where}: expected {name} as an array, got {type(value).__name__}")


def _checked(
    where: str, name: str, array: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array | None:
    """The array in C order, once shape and dtype are as expected."""
    if array is None:
        return None
    _check_array(where, name, array)
    if array.shape != shape:
        raise ValueError(f"{where}: expected {name} of shape {shape}, got {array.shape}")
    if array.dtype != dtype:
        raise ValueError(
            f"{where}: expected {name} of dtype {dtype} (the weights'), got {array.dtype}"
        )
    return np.ascontiguousarray(array)


def _check_lengths(
    where: str, lengths: NDArray[np.int64], num_rows: int, num_steps: int
) -> NDArray[np.int64]:
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
    return np.ascontiguousarray(lengths, dtype=np.int64)


def _contiguous(array: Array | None) -> Array | None:
    return None if array is None else np.ascontiguousarray(array)


def _address(array: Array | None) -> int:
    return 0 if array is None else array.ctypes.data


def use_isa(name: str) -> None:
    """Choose the instruction set of all calls that start from now on, in every thread.

    Args:
        name: One of :func:`supported_isas`, or for tests ``"lowered"``: the code for AVX-512,
            compiled for AVX2.
    Raises:
        IsaError: The machine cannot run it, or there is none of that name.
    """
    if name not in usable_isas():
        raise IsaError(_isa_message("use_isa", name, usable_isas()))
    _engine.use_isa(name)


def set_num_threads(num: int) -> None:
    """Set the upper bound on the threads that one call works on, its caller among them.

    Results do not depend on it. At first it is the number of cores that the process may use.

    Raises:
        ThreadsError: ``num`` is not from 1 to 1024.
    """
    try:
        _engine.set_num_threads(num)
    except ValueError as error:
        raise ThreadsError(str(error)) from None


def _isa_message(where: str, name: str, choices: list[str]) -> str:
    listed = ", ".join(choices)
    return f"{where}: expected one of {listed} (what this machine supports), got {name!r}"


def _read_environment() -> None:
    isa = os.environ.get("TIDEGATE_ISA")
    if isa:
        if isa not in supported_isas():
            message = _isa_message("TIDEGATE_ISA", isa, supported_isas())
            raise IsaError(f"{message}; unset it to take the widest")
        use_isa(isa)
    threads = os.environ.get("TIDEGATE_NUM_THREADS")
    if threads:
        if not (threads.isascii() and threads.isdigit() and 1 <= int(threads) <= 1024):
            raise ThreadsError(
                "TIDEGATE_NUM_THREADS: expected a number of threads from 1 to 1024, "
                f"got {threads!r}; unset it to take one a core"
            )
        set_num_threads(int(threads))


_read_environment()
