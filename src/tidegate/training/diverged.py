"""The error of a training whose loss or parameters are not finite, or absurdly large."""

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tidegate.errors import TidegateError
from tidegate.training.checkpoint_manager import CheckpointManager
from tidegate.training.state import State

ABSURD = 100
"""A loss above this multiple of a constant answer's is absurd. An overfitted network, whose
mistakes are confident, reaches about ten times."""


class DivergedError(TidegateError, ArithmeticError):
    """The loss is not finite or far above a constant answer's, or a parameter is not finite."""


class Values(Protocol):
    """The hyperparameters that the error's advice is about."""

    @property
    def learning_rate(self) -> float:
        """Peak of the schedule."""

    @property
    def clip_norm(self) -> float:
        """Largest norm of the gradient; 0 for no clipping."""


def diverged(
    what: str,
    state: State,
    values: Values,
    checkpoint_manager: CheckpointManager | None,
    *,
    step: int,
    rate: str = "training.learning_rate",
) -> DivergedError:
    """The error that says where a training diverged and what to try.

    Args:
        what: What was expected and what came instead.
        state: The state of the training.
        values: Its hyperparameters.
        checkpoint_manager: Names the folder of the last checkpoint; None if there are none.
        step: Number of the step, from 1.
        rate: The recipe's key of the learning rate.
    """
    name, size = largest_gradient(state.model)
    tries = [f"a lower learning rate (--set {rate}={values.learning_rate / 2:g})"]
    if not values.clip_norm:
        tries.append("shorter gradients (--set training.clip_norm=1)")
    kept = ""
    if checkpoint_manager is not None:
        kept = f"; the last checkpoint stays in {checkpoint_manager.folder / 'checkpoints'}"
    return DivergedError(
        f"epoch {state.progress.epoch}, step {step}: expected {what}; the largest gradient is "
        f"{size:.3g}, of {name}. Try {' or '.join(tries)} in a new run{kept}"
    )


def is_absurd(loss: float, constant: float) -> bool:
    """Whether a validation loss shows divergence: not finite, or far above a constant answer's.

    Args:
        loss: The network's loss on the validation part.
        constant: The loss there of outputs that are 0 everywhere.
    """
    return not math.isfinite(loss) or 0 < constant * ABSURD < loss


def batch_identity(place: int, rows: NDArray[np.int64]) -> str:
    """A batch's name in messages: its place in the epoch, from 1, and its first eight examples."""
    examples = ", ".join(map(str, rows[:8].tolist())) + (", ..." if len(rows) > 8 else "")
    return f"batch {place} of the epoch, training examples {examples}"


def first_not_finite(model: nn.Module) -> str | None:
    """The first parameter with an element that is not finite; None where all are."""
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            return name
    return None


def largest_gradient(model: nn.Module) -> tuple[str, float]:
    """The parameter with the largest element of its gradient, and that element's size."""
    sizes = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            values = parameter.grad._values() if parameter.grad.is_sparse else parameter.grad
            if values.numel():
                size = values.abs().max().item()
                sizes[name] = float("inf") if size != size else size
    return max(sizes.items(), key=lambda item: item[1], default=("none", 0.0))
