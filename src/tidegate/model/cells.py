"""The recurrent layer of every cell."""

from collections.abc import Callable

from torch import nn

from tidegate.nn import GRUResetBefore

LAYERS: dict[str, Callable[..., nn.Module]] = {
    "rnn": nn.RNN,
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "gru-before": GRUResetBefore,
}
"""``LAYERS[cell](input_size, hidden_size, batch_first=True)``."""


def path(cell: str) -> str:
    """What computes a cell's recurrence, as results name it."""
    layer = LAYERS[cell]
    if layer is GRUResetBefore:
        return "tidegate.nn.GRUResetBefore: a loop of torch operations"
    return f"torch.nn.{layer.__name__}"
