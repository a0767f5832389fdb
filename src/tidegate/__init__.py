"""Gated recurrent networks on ordinary CPUs: train, compare and run simple RNN, LSTM and GRU."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"


def set_num_threads(num: int) -> None:
    """Set how many threads one call into the engine works on; no result depends on it.

    Raises:
        ThreadsError: ``num`` is not from 1 to 1024.
    """
    from tidegate import engine

    engine.set_num_threads(num)


def get_num_threads() -> int:
    """How many threads one call into the engine works on: at first, one a core."""
    from tidegate import engine

    return engine.num_threads()


_LAZY = {
    "accelerate": "tidegate.nn.accelerate",
    "restore": "tidegate.nn.accelerate",
    "load": "tidegate.inference.predictor",
}


def __getattr__(name: str) -> object:
    """What is heavy to import, when it is asked for."""
    if name in _LAZY:
        # By name, so that the rules of import see no room below leaning on this one.
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'tidegate' has no attribute {name!r}")


if TYPE_CHECKING:
    from tidegate.inference.predictor import load as load
    from tidegate.nn.accelerate import accelerate as accelerate
    from tidegate.nn.accelerate import restore as restore
