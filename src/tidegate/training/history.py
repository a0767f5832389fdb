"""The figures that a training reports per step and per epoch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """The figures of one training step."""

    step: int
    """Counted from 1, over all epochs."""
    loss: float
    """Mean over the batch, before its move."""
    score: float
    """The batch's mean of ``metric``."""
    learning_rate: float
    """The highest that a part of the network has."""
    num_tokens: int
    ms: float
    """Wall time."""
    mean_loss: float
    """Over the examples of the epoch so far."""
    mean_score: float
    metric: str = "accuracy"
    """A name of :data:`tidegate.task.METRICS`: the main metric of what is trained."""


@dataclass(frozen=True)
class Epoch:
    """The figures of one epoch."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean over the epoch's batches while the parameters moved, as Keras prints it."""
    score: float
    """The same of ``metric``."""
    validation_loss: float
    validation_score: float
    training_s: float
    """Wall time of the training steps alone, validation excluded."""
    step_ms: float
    """Median wall time of a training step."""
    metric: str = "accuracy"
    """A name of :data:`tidegate.task.METRICS`: the main metric of what is trained."""
