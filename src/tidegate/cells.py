"""The recurrent cells: the names users write, and the names they read."""

from typing import Literal

CELLS = {
    "rnn": "simple RNN (tanh)",
    "lstm": "LSTM",
    "gru": "GRU (reset after)",
    "gru-before": "GRU (reset before)",
}

ENGINE_CELLS: dict[str, Literal["rnn_tanh", "lstm", "gru_after", "gru_before"]] = {
    "rnn": "rnn_tanh",
    "lstm": "lstm",
    "gru": "gru_after",
    "gru-before": "gru_before",
}
"""What the engine calls each of them."""

NUM_GATES = {"rnn": 1, "lstm": 4, "gru": 3, "gru-before": 3}
"""G of each: its weights have G * H rows. The engine has it too (``engine.NUM_GATES``), but what is
estimated or read without it needs the numbers as well; a test holds them equal."""
