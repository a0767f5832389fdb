"""Gated recurrent networks on ordinary CPUs: train, compare and run simple RNN, LSTM and GRU."""

__version__ = "0.1.0"
