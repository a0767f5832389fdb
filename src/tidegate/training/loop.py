"""The training loop, and the pass over data that only looks."""

import statistics
import time
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.examples import Examples
from tidegate.model.classifier import SequenceClassifier
from tidegate.model.inputs import Inputs
from tidegate.model.masks import Masks
from tidegate.training import optimisers
from tidegate.training.average import Average
from tidegate.training.callback import Callback
from tidegate.training.checkpoint_manager import CheckpointManager
from tidegate.training.diverged import (
    DivergedError,
    batch_identity,
    diverged,
    first_not_finite,
    is_absurd,
)
from tidegate.training.history import Epoch, Step
from tidegate.training.recipe import Recipe
from tidegate.training.state import Progress, State
from tidegate.training.step import StepResult, step

NORMALISE_EVERY = 100
"""Steps between two measurements of the embedding's mean and spread."""
EVALUATION_TOKENS = 32_768
"""Positions of a batch that is only looked at, at most."""


def fit(
    model: SequenceClassifier,
    recipe: Recipe,
    train: Examples,
    validation: Examples,
    *,
    seed: int,
    callback: Callback,
    checkpoint_manager: CheckpointManager | None = None,
) -> Progress:
    """Train a model by a recipe; at the end it has the weights that the recipe keeps.

    Batches and dropout depend on (seed, epoch, step) alone, so a training that was killed and is
    resumed by its checkpoint_manager ends with the same bits.

    Raises:
        DivergedError: The loss of a step is not finite, or a parameter that was to be saved; or
            the loss of the validation is not, or is absurd. The last checkpoint stays.
        RunFolderError, FormatError: A checkpoint cannot be written, or belongs to another run.
    """
    return _Training(model, recipe, train, validation, seed, callback, checkpoint_manager).run()


class _Training:
    def __init__(
        self,
        model: SequenceClassifier,
        recipe: Recipe,
        train: Examples,
        validation: Examples,
        seed: int,
        callback: Callback,
        checkpoint_manager: CheckpointManager | None,
    ) -> None:
        self.model, self.recipe, self.seed = model, recipe, seed
        self.train, self.validation = train, validation
        self.callback, self.checkpoint_manager = callback, checkpoint_manager
        average = Average(model, recipe.ema_decay) if recipe.ema_decay else None
        self.state = State(model, optimisers.make(model, recipe), average, Progress())
        self.class_weights = None
        if recipe.class_weights == "balanced":
            self.class_weights = model.task.balanced_weights(torch.from_numpy(train.targets))
        self.frequencies: Tensor | None = None
        if recipe.adversarial_norm and model.config["vocabulary_size"]:
            counts = train.token_ids.counts(model.config["vocabulary_size"])
            self.frequencies = torch.from_numpy((counts / counts.sum()).astype(np.float32))

    def run(self) -> Progress:
        with ExitStack() as stack:
            if self.checkpoint_manager is not None:
                self.checkpoint_manager.open(self.state, self.callback, stack)
            self.callback.training_begins(self.state.progress.step)
            while self._goes_on():
                self._epoch()
        self._settle()
        if self.recipe.keep == "best" and self.state.best is not None:
            self.model.load_state_dict(self.state.best)
        elif self.state.average is not None:
            self.model.load_state_dict(self.state.average.of(self.model))
        return self.state.progress

    def _goes_on(self) -> bool:
        progress, patience = self.state.progress, self.recipe.patience
        done = len(progress.epochs)
        is_stale = (
            bool(patience) and progress.position == 0 and done - progress.best_epoch >= patience
        )
        return done < self.recipe.epochs and not is_stale

    def _epoch(self) -> None:
        progress = self.state.progress
        batches = self.train.epoch(self.recipe.batch_size, self.seed, progress.epoch)
        self.callback.epoch_begins(progress.epoch, len(batches), progress.position)
        self.model.train()
        for rows in batches[progress.position :]:
            self._step(rows, len(batches) * self.recipe.epochs)
            is_within = progress.position < len(batches)
            if (
                is_within
                and self.checkpoint_manager is not None
                and self.checkpoint_manager.is_due(progress.step)
            ):
                self._save()
        self._end_epoch()

    def _step(self, rows: NDArray[np.int64], num_steps: int) -> None:
        progress, optimiser = self.state.progress, self.state.optimiser
        begin = time.perf_counter()
        if self.frequencies is not None and progress.step % NORMALISE_EVERY == 0:
            self._settle()
            self.model.normalise(self.frequencies)
        optimisers.set_rates(optimiser, self.recipe, progress.step, num_steps, progress.epoch)
        words, bigrams, targets = self.train.batch(rows)
        masks = Masks(self.seed, progress.step)
        found = step(
            self.model,
            optimiser,
            self.recipe,
            Inputs.of(words, bigrams),
            torch.from_numpy(targets),
            masks,
            self.class_weights,
        )
        if not np.isfinite(found.loss):
            what = (
                f"a finite loss, got {found.loss} on {batch_identity(progress.position + 1, rows)}"
            )
            raise self._diverged(what, progress.step + 1)
        progress.step += 1
        progress.position += 1
        average = self.state.average
        if average is not None and average.is_due(progress.step):
            self._settle()
            average.update(self.model)
        progress.step_ms.append((time.perf_counter() - begin) * 1e3)
        self._count(found, len(rows))

    def _count(self, found: StepResult, num_examples: int) -> None:
        progress = self.state.progress
        progress.num_seen += num_examples
        progress.loss_sum += found.loss * num_examples
        progress.num_right += found.num_right
        rates = [group["lr"] for group in self.state.optimiser.param_groups]
        if self.checkpoint_manager is not None:
            self.checkpoint_manager.log.append(
                {
                    "step": progress.step,
                    "epoch": progress.epoch,
                    "loss": found.loss,
                    "learning_rate": max(rates),
                }
            )
        self.callback.step_ends(
            Step(
                step=progress.step,
                loss=found.loss,
                accuracy=found.num_right / num_examples,
                learning_rate=max(rates),
                num_tokens=found.num_tokens,
                ms=progress.step_ms[-1],
                mean_loss=progress.loss_sum / progress.num_seen,
                mean_accuracy=progress.num_right / progress.num_seen,
            )
        )

    def _end_epoch(self) -> None:
        progress = self.state.progress
        self._settle()
        weights = self.model.state_dict()
        if self.state.average is not None:
            weights = {name: tensor.clone() for name, tensor in weights.items()}
            self.model.load_state_dict(self.state.average.of(self.model))
        outputs, _ = predict(self.model, self.validation)
        loss, accuracy = measure(self.model, outputs, self.validation.targets)
        constant, _ = measure(self.model, np.zeros_like(outputs), self.validation.targets)
        if is_absurd(loss, constant):
            what = (
                f"a loss of the validation part not far above {constant:.3g}, that of a constant "
                f"answer, got {loss:.3g}"
            )
            raise self._diverged(what, progress.step)
        is_best = progress.best_loss is None or loss < progress.best_loss
        if is_best:
            progress.best_loss, progress.best_epoch = loss, progress.epoch
            if self.recipe.keep == "best":
                kept = self.model.state_dict()
                self.state.best = {name: tensor.clone() for name, tensor in kept.items()}
        if self.state.average is not None:
            self.model.load_state_dict(weights)
        steps = progress.step_ms[-progress.position :]
        epoch = Epoch(
            epoch=progress.epoch,
            loss=progress.loss_sum / progress.num_seen,
            accuracy=progress.num_right / progress.num_seen,
            validation_loss=loss,
            validation_accuracy=accuracy,
            training_s=sum(steps) / 1e3,
            step_ms=statistics.median(steps),
        )
        if self.checkpoint_manager is not None:
            self.checkpoint_manager.log.append(
                {
                    "epoch": epoch.epoch,
                    "loss": epoch.loss,
                    "accuracy": epoch.accuracy,
                    "validation_loss": loss,
                    "validation_accuracy": accuracy,
                }
            )
        progress.epochs.append(epoch)
        progress.position, progress.loss_sum, progress.num_right, progress.num_seen = 0, 0.0, 0, 0
        # Told before the checkpoint: told again after a kill in between, rather than never.
        self.callback.epoch_ends(epoch)
        self._save()

    def _save(self) -> None:
        if self.checkpoint_manager is not None:
            self._settle()
            name = first_not_finite(self.model)
            if name is not None:
                what = f"finite parameters, got others in {name}"
                raise self._diverged(what, self.state.progress.step)
            self.checkpoint_manager.save(self.state)

    def _settle(self) -> None:
        """Bring every row of the embeddings to where dense Adam would have it."""
        self.state.optimiser.catch_up()

    def _diverged(self, what: str, step: int) -> DivergedError:
        return diverged(what, self.state, self.recipe, self.checkpoint_manager, step=step)


@torch.inference_mode()
def predict(
    model: SequenceClassifier, examples: Examples, batch_size: int = 256
) -> tuple[NDArray[np.float64], list[float]]:
    """The outputs for all examples, (number, C), and the wall time of every batch in ms."""
    model.eval()
    outputs = np.empty((len(examples), model.task.num_outputs))
    batch_ms = []
    for rows in examples.in_order(batch_size, EVALUATION_TOKENS):
        words, bigrams, _ = examples.batch(rows)
        begin = time.perf_counter()
        found = model(Inputs.of(words, bigrams))
        batch_ms.append((time.perf_counter() - begin) * 1e3)
        outputs[rows] = found.double().numpy()
    return outputs, batch_ms


def measure(
    model: SequenceClassifier, outputs: NDArray[np.float64], targets: NDArray[Any]
) -> tuple[float, float]:
    """Mean loss without smoothing or weights, and share of right answers."""
    found, wanted = torch.from_numpy(outputs), torch.from_numpy(targets)
    losses = model.task.losses(found, wanted)
    return float(losses.mean()), float(model.task.is_right(found, wanted).double().mean())
