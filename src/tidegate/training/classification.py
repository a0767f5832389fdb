"""Training of a network on labelled sequences, and its outputs and loss on others."""

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.examples import Examples
from tidegate.data.windows import Learnable, Windows
from tidegate.model.classifier import SequenceClassifier
from tidegate.model.inputs import Inputs
from tidegate.model.losses import balanced_weights, losses, scores
from tidegate.model.masks import Masks
from tidegate.task import main_metric
from tidegate.training import optimisers
from tidegate.training.checkpoint_manager import CheckpointManager
from tidegate.training.diverged import batch_identity
from tidegate.training.events import Callback
from tidegate.training.recipe import Recipe
from tidegate.training.state import Progress, State
from tidegate.training.step import step
from tidegate.training.trainer import StepResult, Trainer, Validation

NORMALISE_EVERY = 100
"""Steps between two measurements of the embedding's mean and standard deviation."""
EVALUATION_TOKENS = 32_768
"""The most tokens of a batch in evaluation."""


def fit(
    model: SequenceClassifier,
    recipe: Recipe,
    train: Learnable,
    validation: Learnable,
    *,
    seed: int,
    callback: Callback,
    checkpoint_manager: CheckpointManager | None = None,
) -> Progress:
    """Train a network by a recipe; it ends with the last or the best epoch's weights.

    Batches and dropout depend on (seed, epoch, step) alone, so a training that was killed and is
    resumed by its checkpoint_manager ends with the same bits.

    Args:
        model: The network with its initial values.
        recipe: All hyperparameters.
        train: The examples to learn from.
        validation: The examples for validation after each epoch.
        seed: Seed of the order of the examples and of dropout.
        callback: Called with every event.
        checkpoint_manager: Keeps checkpoints and the log; None for neither.

    Raises:
        DivergedError, RunFolderError, FormatError: See :meth:`Trainer.run`.
    """
    objective = Classification(model, recipe, train, validation, seed)
    return Trainer(objective, callback, checkpoint_manager).run()


class Classification:
    """The objective of a classifier or regression: the targets of labelled sequences."""

    def __init__(
        self,
        model: SequenceClassifier,
        recipe: Recipe,
        train: Learnable,
        validation: Learnable,
        seed: int,
    ) -> None:
        self.model, self.values, self.seed = model, recipe.training, seed
        self.train, self.validation = train, validation
        self.metric = main_metric(model.kind).name
        self.num_epochs, self.patience = recipe.training.epochs, recipe.training.patience
        self.rate_key = "training.learning_rate"
        self.state = State(model, optimisers.make(model, recipe.training), Progress())
        self.class_weights = None
        if recipe.training.class_weights == "balanced" and isinstance(train, Examples):
            self.class_weights = balanced_weights(
                model.kind, model.num_outputs, torch.from_numpy(train.targets)
            )
        self.frequencies: Tensor | None = None
        if recipe.training.adversarial_norm and isinstance(train, Examples):
            if not model.architecture.vocabulary_size:
                return
            counts = train.token_ids.counts(model.architecture.vocabulary_size)
            self.frequencies = torch.from_numpy((counts / counts.sum()).astype(np.float32))

    def begin_epoch(self) -> int:
        """Shuffle the examples into batches; returns the number of batches."""
        epoch = self.state.progress.epoch
        self.batches = self.train.epoch(self.values.batch_size, self.seed, epoch)
        self.model.train()
        return len(self.batches)

    def step(self, num_steps: int) -> StepResult:
        """Update the parameters with one batch."""
        values, progress, optimiser = self.values, self.state.progress, self.state.optimiser
        rows = self.batches[progress.position]
        if self.frequencies is not None and progress.step % NORMALISE_EVERY == 0:
            self.settle()
            self.model.normalise(self.frequencies)
        optimisers.set_rates(optimiser, values, progress.step, num_steps)
        arrays, targets = self.train.batch(rows)
        result = step(
            self.model,
            optimiser,
            values,
            Inputs.of_arrays(arrays),
            torch.from_numpy(targets),
            Masks(self.seed, progress.step),
            self.class_weights,
        )
        return StepResult(
            loss=result.loss,
            score_sum=result.score_sum,
            num_examples=len(rows),
            num_tokens=result.num_tokens,
            learning_rate=max(group["lr"] for group in optimiser.param_groups),
            batch=batch_identity(progress.position + 1, rows),
        )

    def settle(self) -> None:
        """Apply the deferred Adam updates of all embedding rows."""
        self.state.optimiser.catch_up()

    def validate(self) -> Validation:
        """Loss and score on the validation part."""
        outputs, _ = predict(self.model, self.validation)
        validation = self.validation
        targets, unit = validation.targets, None
        if isinstance(validation, Windows):
            rows = np.arange(len(validation))
            targets, unit = validation.targets_of(rows), validation.units
        constant, _ = measure(self.model, np.zeros_like(outputs), targets, unit)
        return Validation(*measure(self.model, outputs, targets, unit), constant)

    def after_validation(self, is_best: bool) -> None:
        """Copy the weights of the best epoch, where the recipe keeps these."""
        if is_best and self.values.keep == "best":
            kept = self.model.state_dict()
            self.state.best = {name: tensor.clone() for name, tensor in kept.items()}

    def finish(self) -> None:
        """Load the weights that the recipe keeps: the last or the best epoch's."""
        self.settle()
        if self.values.keep == "best" and self.state.best is not None:
            self.model.load_state_dict(self.state.best)


@torch.inference_mode()
def predict(
    model: SequenceClassifier, examples: Learnable, batch_size: int = 256
) -> tuple[NDArray[np.float64], list[float]]:
    """The outputs for all examples, (number, C), and the wall time of every batch in ms."""
    model.eval()
    outputs = np.empty((len(examples), model.num_outputs))
    batch_ms = []
    for rows in examples.in_order(batch_size, EVALUATION_TOKENS):
        arrays, _ = examples.batch(rows)
        begin = time.perf_counter()
        batch_outputs = model(Inputs.of_arrays(arrays))
        batch_ms.append((time.perf_counter() - begin) * 1e3)
        outputs[rows] = batch_outputs.double().numpy()
    return outputs, batch_ms


def measure(
    model: SequenceClassifier,
    outputs: NDArray[np.float64],
    targets: NDArray[Any],
    unit: NDArray[np.float64] | None = None,
) -> tuple[float, float]:
    """Mean loss without label smoothing or class weights, and the task's main metric.

    Args:
        unit: What a forecast's errors are divided by in its loss, (N, C).
    """
    answers, wanted = torch.from_numpy(outputs), torch.from_numpy(targets)
    divisor = None if unit is None else torch.from_numpy(unit)
    mean = losses(model.kind, answers, wanted, quantiles=model.quantiles, unit=divisor).mean()
    return float(mean), float(scores(model.kind, answers, wanted, model.quantiles).mean())
