"""What a training run tells of itself, epoch by epoch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training part gave."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean over the epoch's batches while the parameters moved, as Keras prints it."""
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    training_s: float
    """Wall time of the training steps alone, validation excluded."""
    step_ms: float
    """Median wall time of a training step."""
