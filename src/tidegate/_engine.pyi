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

def available_cores() -> int:
    """How many cores this process may use."""

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

def layer_forward(*, cell: str, dtype: str, num_rows: int, num_steps: int, input_size: int, hidden_size: int, row_offset: int, step_offset: int, lengths: int = 0, reverse: bool = False, pad: bool = False, input: int = 0, input_stride: int = 0, ids: int = 0, table: int = 0, num_embeddings: int = 0, weight_ih: int, weight_hh: int, bias_ih: int = 0, bias_hh: int = 0, h_0: int = 0, c_0: int = 0, output: int, output_stride: int, h_n: int, c_n: int = 0, reserve: int = 0) -> int:
    """
    One layer, one direction, a whole batch; addresses are integers, 0 for none.

    The vector of row n at step t stands at base + (row_offset[n] + step_offset[t]) * stride, with
    strides in elements and offsets int64 of shapes (num_rows,) and (num_steps,). Ids are int64 at the
    same positions with stride 1, and table is (num_embeddings, input_size). lengths is int64
    (num_rows,), 0 for full rows; pad writes zeros past a row's end. h_0, c_0, h_n and c_n are
    (num_rows, hidden_size), and c alone the LSTM's. reserve, of reserve_bytes(), is kept for
    layer_backward; 0 for inference. Returns the number of distinct tokens, 0 without ids.

    The sizes are trusted; tokens and lengths are checked. See cpp/engine/layer.hpp.
    """

def layer_backward(*, cell: str, dtype: str, num_rows: int, num_steps: int, input_size: int, hidden_size: int, row_offset: int, step_offset: int, lengths: int = 0, reverse: bool = False, pad: bool = False, input: int = 0, input_stride: int = 0, ids: int = 0, table: int = 0, num_embeddings: int = 0, weight_ih: int, weight_hh: int, h_0: int = 0, c_0: int = 0, output: int, output_stride: int, reserve: int, grad_output: int = 0, grad_output_stride: int = 0, grad_h_n: int = 0, grad_c_n: int = 0, grad_input: int = 0, grad_input_stride: int = 0, add_to_grad_input: bool = False, grad_table_ids: int = 0, grad_table_rows: int = 0, grad_weight_ih: int = 0, grad_weight_hh: int = 0, grad_bias_ih: int = 0, grad_bias_hh: int = 0, grad_h_0: int = 0, grad_c_0: int = 0) -> int:
    """
    The gradients of one layer_forward, which had training memory (reserve).

    Addresses of gradients that come in may be 0 for zeros, those that go out 0 where not wanted; what
    goes out is written, except that add_to_grad_input adds. reserve is not changed: calling twice
    gives the same. grad_table_ids (int64) and grad_table_rows (each input_size long) have room for as
    many tokens as layer_forward returned; the tokens come out ascending. Returns that number.
    """

class Stepper:
    """One step at a time with weights packed once."""

    def __init__(self, *, cell: str, dtype: str, num_rows: int, input_size: int, hidden_size: int, weight_ih: int, weight_hh: int, bias_ih: int = 0, bias_hh: int = 0) -> None: ...

    def step(self, input: object, h: object, c: object = None) -> None:
        """
        Read input (N, I) and advance h (N, H) and, for the LSTM, c (N, H) in place.
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
