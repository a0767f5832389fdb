"""Recurrent layers for PyTorch."""

from tidegate.nn.reset_before import GRUResetBefore as GRUResetBefore
