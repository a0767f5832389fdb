"""The events of a training: plain values, given to one function as they happen."""

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.training.history import Epoch, Step


@dataclass(frozen=True)
class TrainingBegins:
    """A training begins, or goes on."""

    step: int
    """Steps that an earlier process made; 0 for a new training."""


@dataclass(frozen=True)
class EpochBegins:
    """An epoch begins, or goes on."""

    epoch: int
    """Counted from 1."""
    num_steps: int
    num_done: int
    """Steps of it that an earlier process made."""


@dataclass(frozen=True)
class Notice:
    """A message to the user."""

    text: str


Event = TrainingBegins | EpochBegins | Step | Epoch | Notice
"""``Step`` comes after every step, and a checkpoint may follow; ``Epoch`` comes after an epoch's
training and validation, and a checkpoint follows."""

Callback = Callable[[Event], object]
"""Is called with every event; what it returns is not looked at."""
