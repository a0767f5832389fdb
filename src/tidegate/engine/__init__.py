"""The door to the compiled engine; nothing outside this package imports ``tidegate._engine``.

Two environment variables are read when this module is imported: ``TIDEGATE_ISA`` forces one of
:func:`supported_isas`, ``TIDEGATE_NUM_THREADS`` sets the number of threads. Neither changes a
result by more than rounding: the number of threads changes no bit, the instruction set the last
ones.
"""

from tidegate._engine import (
    AdamTable,
    BackwardCall,
    ForwardCall,
    LayerPlan,
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
from tidegate.engine._arrays import CELLS, NUM_GATES, Cell, Weights
from tidegate.engine._layer import Forward, Gradients, Saved, backward, forward, forward_tokens
from tidegate.engine._ragged import RaggedForward, forward_ragged, pool
from tidegate.engine._settings import read_environment, set_num_threads, use_isa
from tidegate.engine._stepper import Stepper

__all__ = [
    "CELLS",
    "NUM_GATES",
    "AdamTable",
    "BackwardCall",
    "Cell",
    "Forward",
    "ForwardCall",
    "Gradients",
    "LayerPlan",
    "RaggedForward",
    "Saved",
    "Stepper",
    "Weights",
    "active_isa",
    "adam_dense",
    "backward",
    "cpu_name",
    "fma_peak",
    "forward",
    "forward_ragged",
    "forward_tokens",
    "keep_mask",
    "kept_memory",
    "layer_backward",
    "layer_forward",
    "multiply",
    "num_threads",
    "pool",
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


read_environment()
