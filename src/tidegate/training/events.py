"""The events of a training: frozen dataclasses, given to a callback as they happen."""

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.training.history import Epoch, Step


@dataclass(frozen=True)
class TrainingBegins:
    """A training begins or resumes."""

    step: int
    """Steps that an earlier process made; 0 for a new training."""


@dataclass(frozen=True)
class EpochBegins:
    """An epoch begins or resumes."""

    epoch: int
    """Counted from 1."""
    num_steps: int
    """Steps of the epoch."""
    num_done: int
    """Steps of the epoch that an earlier process made."""


@dataclass(frozen=True)
class Notice:
    """A message to the user."""

    text: str


Event = TrainingBegins | EpochBegins | Step | Epoch | Notice
"""``Step`` comes after every step, and a checkpoint may follow; ``Epoch`` comes after an epoch's
training and validation, and a checkpoint follows."""

Callback = Callable[[Event], object]
"""A function that is called with every event; its result is ignored."""
