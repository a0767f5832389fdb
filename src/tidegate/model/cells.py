"""The PyTorch layer that computes each recurrent cell."""

from collections.abc import Callable
from functools import partial

from tidegate.nn import GRU, LSTM, RNN

LAYERS: dict[str, Callable[..., RNN | LSTM | GRU]] = {
    "rnn": RNN,
    "lstm": LSTM,
    "gru": GRU,
    "gru-before": partial(GRU, reset="before"),
}
"""Constructors by the name of the cell: ``LAYERS["gru"](input_size, hidden_size)``."""
