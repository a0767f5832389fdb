"""The names of the recurrent cells: those that users write, and those that are shown."""

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
"""The engine's name of each cell."""

NUM_GATES = {"rnn": 1, "lstm": 4, "gru": 3, "gru-before": 3}
"""The number of gates, G, of each cell: its weights have G * H rows. The engine has the same
numbers (``engine.NUM_GATES``; a test compares them); these serve code that does not load it."""
