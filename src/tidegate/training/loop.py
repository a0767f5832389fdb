"""The training loop, and the pass over data that only looks."""

import statistics
import time
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.data.prepared import Examples
from tidegate.draws import permutation
from tidegate.errors import TidegateError
from tidegate.evaluation.binary import accuracy, cross_entropy
from tidegate.training.history import Epoch
from tidegate.training.optimiser import KerasAdam
from tidegate.training.recipe import Recipe


class Watcher(Protocol):
    """Is told how a training goes."""

    def epoch_begins(self, epoch: int, num_steps: int) -> None:
        """Epochs count from 1."""

    def step_ends(self, loss: float, accuracy: float, step_ms: float) -> None:
        """Loss and accuracy are means over the epoch so far, the time is this step's."""

    def epoch_ends(self, epoch: Epoch) -> None:
        """Training and validation of the epoch are done."""


class DivergedError(TidegateError, ArithmeticError):
    """The loss is no longer a finite number."""


def fit(
    model: nn.Module,
    recipe: Recipe,
    train: Examples,
    validation: Examples,
    *,
    seed: int,
    watcher: Watcher,
) -> tuple[list[Epoch], list[float]]:
    """Train a model by a recipe.

    The order of the examples in an epoch depends on seed and epoch alone.

    Returns:
        The epochs, and the wall time of every training step in milliseconds.

    Raises:
        DivergedError: The loss of a step is not finite.
    """
    optimiser = KerasAdam(
        model.parameters(), lr=recipe.learning_rate, betas=recipe.betas, epsilon=recipe.epsilon
    )
    tokens, labels = (torch.from_numpy(array) for array in train)
    targets = labels.float()
    epochs: list[Epoch] = []
    all_ms: list[float] = []
    for number in range(1, recipe.epochs + 1):
        order = torch.from_numpy(permutation(len(labels), seed, "shuffle", number))
        batches = order.split(recipe.batch_size)
        watcher.epoch_begins(number, len(batches))
        model.train()
        loss_sum, num_right, num_seen, step_ms = 0.0, 0, 0, []
        for step, batch in enumerate(batches, 1):
            begin = time.perf_counter()
            loss, right = _step(model, optimiser, tokens[batch], targets[batch])
            step_ms.append((time.perf_counter() - begin) * 1e3)
            if not np.isfinite(loss):
                raise DivergedError(
                    f"epoch {number}, step {step}: expected a finite loss, got {loss}; try a "
                    f"learning rate below {recipe.learning_rate}"
                )
            num_seen += len(batch)
            loss_sum += loss * len(batch)
            num_right += right
            watcher.step_ends(loss_sum / num_seen, num_right / num_seen, step_ms[-1])
        logits, _ = predict(model, validation[0], recipe.batch_size)
        epoch = Epoch(
            epoch=number,
            loss=loss_sum / num_seen,
            accuracy=num_right / num_seen,
            validation_loss=cross_entropy(logits, validation[1]),
            validation_accuracy=accuracy(logits, validation[1]),
            training_s=sum(step_ms) / 1e3,
            step_ms=statistics.median(step_ms),
        )
        epochs.append(epoch)
        all_ms += step_ms
        watcher.epoch_ends(epoch)
    return epochs, all_ms


def _step(
    model: nn.Module, optimiser: KerasAdam, tokens: Tensor, targets: Tensor
) -> tuple[float, int]:
    """One step of training: the batch's mean loss, and how many it got right."""
    optimiser.zero_grad()
    logits = model(tokens)
    loss = nn.functional.binary_cross_entropy_with_logits(logits, targets)
    loss.backward()
    optimiser.step()
    return loss.item(), int(((logits > 0) == (targets > 0.5)).sum().item())


@torch.inference_mode()
def predict(
    model: nn.Module, tokens: NDArray[np.int64], batch_size: int
) -> tuple[NDArray[np.float64], list[float]]:
    """The logits of all examples, and the wall time of every batch in milliseconds."""
    model.eval()
    logits, batch_ms = [], []
    for batch in torch.from_numpy(tokens).split(batch_size):
        begin = time.perf_counter()
        logits.append(model(batch).double().numpy())
        batch_ms.append((time.perf_counter() - begin) * 1e3)
    return np.concatenate(logits), batch_ms
