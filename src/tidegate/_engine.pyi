"""The compiled engine of tidegate."""

from typing import Annotated

import numpy
from numpy.typing import NDArray


def supported_isas() -> list[str]:
    """
    Names of the instruction sets this machine supports, the narrowest first.
    """

def usable_isas() -> list[str]:
    """
    What use_isa accepts: the supported instruction sets, and 'lowered' where it runs.
    """

def active_isa() -> str:
    """Name of the instruction set in use."""

def use_isa(name: str) -> None:
    """
    Choose the instruction set of all calls from now on; ValueError when the machine cannot run it.
    """

def cpu_name() -> str:
    """The processor's own name of itself, empty where it gives none."""

def num_threads() -> int:
    """Upper bound on the threads that one call works on."""

def set_num_threads(num: int) -> None:
    """Set that bound; ValueError unless it is from 1 to 1024."""

def share_openmp() -> bool:
    """Work on the process's OpenMP threads from now on; whether it has any."""

def num_gates(*, cell: str) -> int:
    """Gates of a cell, G: its weights have G * H rows."""

def reserve_bytes(*, cell: str, dtype: str, hidden_size: int, num_positions: int) -> int:
    """
    Bytes that forward keeps for backward over num_positions real positions (the sum
    of the lengths).
    """

def kept_memory(*, num_bytes: int) -> Annotated[NDArray[numpy.uint8], dict(shape=(None,))]:
    """
    An uint8 array of memory that is kept for the next call when nobody has it any more,
    with whatever was in it. MemoryError where there is none.
    """

class LayerPlan:
    """
    What is worked out about a batch before a layer runs over it: once for both
    directions, forward and backward. Addresses are integers, 0 for none.

    row_offset and step_offset are int64 of shapes (num_rows,) and (num_steps,), lengths
    int64 (num_rows,), 0 for full rows; pad writes zeros past a row's end. Ids are int64,
    where vectors would stand, with stride 1. All of these must live as long as the plan.
    has_state says whether calls will pass h_0 or c_0. The sizes are trusted; tokens and
    lengths are checked. See cpp/engine/layer.hpp.
    """

    def __init__(self, *, cell: str, dtype: str, num_rows: int, num_steps: int, input_size: int, hidden_size: int, row_offset: int, step_offset: int, lengths: int = 0, pad: bool = False, ids: int = 0, num_embeddings: int = 0, has_state: bool = False, forwards: bool = True, backwards: bool = False) -> None: ...

class ForwardCall:
    """
    What layer_forward reads and writes; addresses are integers, 0 for none.

    The vector of row n at step t stands at base + (row_offset[n] + step_offset[t]) *
    stride, with strides in elements. table is (num_embeddings, input_size). h_0, c_0,
    h_n and c_n are (num_rows, hidden_size), and c alone the LSTM's. reserve, of
    reserve_bytes(), is kept for layer_backward; 0 for inference.
    """

    def __init__(self) -> None: ...

    @property
    def reverse(self) -> bool: ...

    @reverse.setter
    def reverse(self, arg: bool, /) -> None: ...

    @property
    def input(self) -> int: ...

    @input.setter
    def input(self, arg: int, /) -> None: ...

    @property
    def input_stride(self) -> int: ...

    @input_stride.setter
    def input_stride(self, arg: int, /) -> None: ...

    @property
    def table(self) -> int: ...

    @table.setter
    def table(self, arg: int, /) -> None: ...

    @property
    def weight_ih(self) -> int: ...

    @weight_ih.setter
    def weight_ih(self, arg: int, /) -> None: ...

    @property
    def weight_hh(self) -> int: ...

    @weight_hh.setter
    def weight_hh(self, arg: int, /) -> None: ...

    @property
    def h_0(self) -> int: ...

    @h_0.setter
    def h_0(self, arg: int, /) -> None: ...

    @property
    def c_0(self) -> int: ...

    @c_0.setter
    def c_0(self, arg: int, /) -> None: ...

    @property
    def output(self) -> int: ...

    @output.setter
    def output(self, arg: int, /) -> None: ...

    @property
    def output_stride(self) -> int: ...

    @output_stride.setter
    def output_stride(self, arg: int, /) -> None: ...

    @property
    def reserve(self) -> int: ...

    @reserve.setter
    def reserve(self, arg: int, /) -> None: ...

    @property
    def bias_ih(self) -> int: ...

    @bias_ih.setter
    def bias_ih(self, arg: int, /) -> None: ...

    @property
    def bias_hh(self) -> int: ...

    @bias_hh.setter
    def bias_hh(self, arg: int, /) -> None: ...

    @property
    def h_n(self) -> int: ...

    @h_n.setter
    def h_n(self, arg: int, /) -> None: ...

    @property
    def c_n(self) -> int: ...

    @c_n.setter
    def c_n(self, arg: int, /) -> None: ...

class BackwardCall:
    """
    What layer_backward reads and writes, beside what its forward call had.

    Addresses of gradients that come in may be 0 for zeros, those that go out 0 where
    not wanted; what goes out is written, except that add_to_grad_input adds. reserve is
    not changed: calling twice gives the same. grad_table_ids (int64) and grad_table_rows
    (each input_size long) have room for as many tokens as layer_forward returned; the
    tokens come out ascending.
    """

    def __init__(self) -> None: ...

    @property
    def reverse(self) -> bool: ...

    @reverse.setter
    def reverse(self, arg: bool, /) -> None: ...

    @property
    def input(self) -> int: ...

    @input.setter
    def input(self, arg: int, /) -> None: ...

    @property
    def input_stride(self) -> int: ...

    @input_stride.setter
    def input_stride(self, arg: int, /) -> None: ...

    @property
    def table(self) -> int: ...

    @table.setter
    def table(self, arg: int, /) -> None: ...

    @property
    def weight_ih(self) -> int: ...

    @weight_ih.setter
    def weight_ih(self, arg: int, /) -> None: ...

    @property
    def weight_hh(self) -> int: ...

    @weight_hh.setter
    def weight_hh(self, arg: int, /) -> None: ...

    @property
    def h_0(self) -> int: ...

    @h_0.setter
    def h_0(self, arg: int, /) -> None: ...

    @property
    def c_0(self) -> int: ...

    @c_0.setter
    def c_0(self, arg: int, /) -> None: ...

    @property
    def output(self) -> int: ...

    @output.setter
    def output(self, arg: int, /) -> None: ...

    @property
    def output_stride(self) -> int: ...

    @output_stride.setter
    def output_stride(self, arg: int, /) -> None: ...

    @property
    def reserve(self) -> int: ...

    @reserve.setter
    def reserve(self, arg: int, /) -> None: ...

    @property
    def grad_output(self) -> int: ...

    @grad_output.setter
    def grad_output(self, arg: int, /) -> None: ...

    @property
    def grad_output_stride(self) -> int: ...

    @grad_output_stride.setter
    def grad_output_stride(self, arg: int, /) -> None: ...

    @property
    def grad_h_n(self) -> int: ...

    @grad_h_n.setter
    def grad_h_n(self, arg: int, /) -> None: ...

    @property
    def grad_c_n(self) -> int: ...

    @grad_c_n.setter
    def grad_c_n(self, arg: int, /) -> None: ...

    @property
    def grad_input(self) -> int: ...

    @grad_input.setter
    def grad_input(self, arg: int, /) -> None: ...

    @property
    def grad_input_stride(self) -> int: ...

    @grad_input_stride.setter
    def grad_input_stride(self, arg: int, /) -> None: ...

    @property
    def add_to_grad_input(self) -> bool: ...

    @add_to_grad_input.setter
    def add_to_grad_input(self, arg: bool, /) -> None: ...

    @property
    def grad_table_ids(self) -> int: ...

    @grad_table_ids.setter
    def grad_table_ids(self, arg: int, /) -> None: ...

    @property
    def grad_table_rows(self) -> int: ...

    @grad_table_rows.setter
    def grad_table_rows(self, arg: int, /) -> None: ...

    @property
    def grad_weight_ih(self) -> int: ...

    @grad_weight_ih.setter
    def grad_weight_ih(self, arg: int, /) -> None: ...

    @property
    def grad_weight_hh(self) -> int: ...

    @grad_weight_hh.setter
    def grad_weight_hh(self, arg: int, /) -> None: ...

    @property
    def grad_bias_ih(self) -> int: ...

    @grad_bias_ih.setter
    def grad_bias_ih(self, arg: int, /) -> None: ...

    @property
    def grad_bias_hh(self) -> int: ...

    @grad_bias_hh.setter
    def grad_bias_hh(self, arg: int, /) -> None: ...

    @property
    def grad_h_0(self) -> int: ...

    @grad_h_0.setter
    def grad_h_0(self, arg: int, /) -> None: ...

    @property
    def grad_c_0(self) -> int: ...

    @grad_c_0.setter
    def grad_c_0(self, arg: int, /) -> None: ...

def layer_forward(plan: LayerPlan, call: ForwardCall) -> int:
    """
    Run one layer in one direction over a whole batch. Returns the number of distinct
    tokens, 0 without ids.
    """

def layer_backward(plan: LayerPlan, call: BackwardCall) -> int:
    """
    The gradients of one layer_forward, which had training memory (reserve). Returns the
    number of distinct tokens.
    """

def apply(function: str, dtype: str, input: int, output: int, count: int) -> None:
    """
    A gate function of the kernels (exp, tanh or sigmoid) over an array; in builds with
    TIDEGATE_TEST_KERNELS alone.
    """

def fma_peak(dtype: str = 'float32', seconds: float = 0.2) -> float:
    """
    GFLOP/s of fused multiply-adds on registers, measured on the active threads.
    """

class Stepper:
    """One step at a time with weights packed once."""

    def __init__(self, *, cell: str, dtype: str, num_rows: int, input_size: int, hidden_size: int, weight_ih: int, weight_hh: int, bias_ih: int = 0, bias_hh: int = 0) -> None: ...

    def step(self, input: object, h: object, c: object = None) -> None:
        """
        Read input (N, I) and advance h (N, H) and, for the LSTM, c (N, H) in place.
        """

def adam_dense(dtype: str, parts: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)], numbers: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)]) -> None:
    """
    One step of Adam on arrays. parts: int64 (n, 5), each row the addresses of
    parameter, gradient, m and v, and their elements; numbers: float64 (n, 7), as
    cpp/engine/adam.hpp has them.
    """

class AdamTable:
    """
    A table, its moments (num_rows, width) and the step that each row has made last,
    int64 (num_rows,), by their addresses.
    """

    def __init__(self, *, dtype: str, num_rows: int, width: int, param: int, m: int, v: int, row_step: int) -> None: ...

    def check_rows(self, ids: int, num_ids: int, step: int, may_repeat: bool) -> None:
        """
        Raise ValueError unless the rows have all made this step and, where they may
        not repeat, are distinct; IndexError for an id outside the table.
        """

    def step_rows(self, ids: int, num_ids: int, grad: int, numbers: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], step: int, may_repeat: bool) -> None:
        """
        Make a step of rows that check_rows has passed for the one before. Where they may
        repeat, m follows the sum of a row's gradients and v the sum of their squares.
        """

    def catch_up(self, ids: int, num_ids: int, numbers: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], now: int) -> None:
        """
        Make the steps that rows missed up to `now`, with gradients of 0; ids of 0 for
        all rows. The last of numbers is of step `now`. IndexError for an id outside.
        """

def sum_of_squares(dtype: str, spans: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)]) -> float:
    """
    The sum of the squares of all elements, in double. spans: int64 (n, 2), address and
    elements.
    """

def multiply(dtype: str, spans: Annotated[NDArray[numpy.int64], dict(shape=(None, None), order='C', device='cpu', writable=False)], factor: float) -> None:
    """Multiply all elements, in place."""

def pool_rows(*, dtype: str, num_rows: int, num_positions: int, num_features: int, offsets: int, values: int, mean: int = 0, maxima: int = 0, stride: int, first: int = 0) -> None:
    """
    Mean, maximum, or both, of the rows of a flat batch: values (P, F), offsets int64
    (N+1,). Results (N, F), their rows `stride` elements apart, 0 where not wanted;
    first is int64 (N, F), where each maximum first stands. ValueError for offsets that
    do not ascend from 0 to P. See cpp/engine/pooling.hpp.
    """

def unpool_rows(*, dtype: str, num_rows: int, num_positions: int, num_features: int, offsets: int, grad_mean: int = 0, grad_maxima: int = 0, stride: int, first: int = 0, grad_values: int) -> None:
    """
    The gradient of pool_rows, (P, F), written; what comes in is as what came out, 0 for
    zeros.
    """

def keep_mask(*, key: int, threshold: int, scale: float, mask: int, count: int) -> None:
    """
    A mask of dropout, float32 (count,): 0 where the draw of 16 bits is below the
    threshold, else the scale. The draws are those of numpy.random.Philox(key=key).
    """
