"""Losses, scores and times that a training reports for every step and epoch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """Loss, score and time of one training step."""

    step: int
    """Counted from 1, over all epochs."""
    loss: float
    """Mean over the batch, before the update."""
    score: float
    """Mean of ``metric`` over the batch."""
    learning_rate: float
    """The highest learning rate of all parameter groups."""
    num_tokens: int
    ms: float
    """Wall time."""
    mean_loss: float
    """Mean loss over the examples of the epoch so far."""
    mean_score: float
    """Mean of ``metric`` over the examples of the epoch so far."""
    metric: str = "accuracy"
    """A name of :data:`tidegate.task.METRICS`: the main metric of what is trained."""


@dataclass(frozen=True)
class Epoch:
    """Losses, scores and times of one epoch."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean training loss over the epoch's examples, each before its update, as Keras prints it."""
    score: float
    """Mean of ``metric`` over the same examples."""
    validation_loss: float
    validation_score: float
    training_s: float
    """Wall time of the training steps alone, validation excluded."""
    step_ms: float
    """Median wall time of a training step."""
    metric: str = "accuracy"
    """A name of :data:`tidegate.task.METRICS`: the main metric of what is trained."""
