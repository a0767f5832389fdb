"""The recurrent layer of every cell."""

from collections.abc import Callable
from functools import partial

from tidegate.nn import GRU, LSTM, RNN

LAYERS: dict[str, Callable[..., RNN | LSTM | GRU]] = {
    "rnn": RNN,
    "lstm": LSTM,
    "gru": GRU,
    "gru-before": partial(GRU, reset="before"),
}
"""``LAYERS[cell](input_size, hidden_size, batch_first=True)``."""
