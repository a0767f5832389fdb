"""The recurrent cells: the names users write, and the names they read."""

CELLS = {
    "rnn": "simple RNN (tanh)",
    "lstm": "LSTM",
    "gru": "GRU (reset after)",
    "gru-before": "GRU (reset before)",
}
