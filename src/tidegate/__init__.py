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


_SUBMODULES = ("engine", "equations", "nn", "optim")
_MEMBERS = {
    "Classifier": "tidegate.estimators",
    "Forecaster": "tidegate.estimators",
    "Regressor": "tidegate.estimators",
    "accelerate": "tidegate.nn.accelerate",
    "compare": "tidegate.application.api",
    "evaluate": "tidegate.inference.evaluate",
    "load": "tidegate.inference.predictor",
    "restore": "tidegate.nn.accelerate",
    "resume": "tidegate.application.api",
    "train": "tidegate.application.api",
}


def __getattr__(name: str) -> object:
    """Import a submodule, a function or a class on first use.

    ``import tidegate`` alone stays light: it loads neither NumPy nor PyTorch.
    """
    # By name, so that the rules of import see no room below leaning on this one.
    if name in _SUBMODULES:
        return import_module(f"tidegate.{name}")
    if name in _MEMBERS:
        return getattr(import_module(_MEMBERS[name]), name)
    raise AttributeError(f"module 'tidegate' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Also what is imported on first use."""
    return sorted({*globals(), *_SUBMODULES, *_MEMBERS})


if TYPE_CHECKING:
    from tidegate import engine as engine
    from tidegate import equations as equations
    from tidegate import nn as nn
    from tidegate import optim as optim
    from tidegate.application.api import compare as compare
    from tidegate.application.api import resume as resume
    from tidegate.application.api import train as train
    from tidegate.estimators import Classifier as Classifier
    from tidegate.estimators import Forecaster as Forecaster
    from tidegate.estimators import Regressor as Regressor
    from tidegate.inference.evaluate import evaluate as evaluate
    from tidegate.inference.predictor import load as load
    from tidegate.nn.accelerate import accelerate as accelerate
    from tidegate.nn.accelerate import restore as restore
