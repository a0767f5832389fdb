"""The training loop for any objective: epochs, steps, validation, checkpoints and events."""

import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from tidegate.training.checkpoint_manager import CheckpointManager
from tidegate.training.diverged import DivergedError, Values, diverged, first_not_finite, is_absurd
from tidegate.training.events import Callback, EpochBegins, TrainingBegins
from tidegate.training.history import Epoch, Step
from tidegate.training.state import Progress, State


@dataclass(frozen=True)
class StepResult:
    """Loss and score of one batch before its update; there is none after a non-finite loss."""

    loss: float
    """Mean over the batch."""
    score_sum: float
    """Sum of the objective's metric over the batch."""
    num_examples: int
    """Number of examples that ``loss`` is the mean and ``score_sum`` the sum over."""
    num_tokens: int
    learning_rate: float
    """The highest learning rate of all parameter groups."""
    batch: str
    """Which batch it was, for an error message."""


class Validation(NamedTuple):
    """Loss and score on the validation part."""

    loss: float
    score: float
    """Mean of the objective's metric."""
    constant_loss: float
    """Loss of a constant answer, to compare with."""


class Objective(Protocol):
    """What a training optimises: its batches, its loss and its validation.

    Everything random is a function of (seed, epoch, step), so that a training that was killed and
    is resumed ends with the same bits.
    """

    metric: str
    """A name of :data:`tidegate.task.METRICS`: the score that is reported with the loss."""
    num_epochs: int
    patience: int
    """Early stopping: epochs without a better validation loss; 0 for none."""

    @property
    def state(self) -> State:
        """Model, optimiser and progress: the content of a checkpoint."""

    rate_key: str
    """The recipe's key of the learning rate, for an error message."""

    @property
    def values(self) -> Values:
        """The hyperparameters that an error suggests to change when the training diverges."""

    def begin_epoch(self) -> int:
        """Prepare the current epoch, which a resumed run may enter midway; returns its steps."""

    def step(self, num_steps: int) -> StepResult:
        """Update the parameters with the batch at ``state.progress.position``.

        Args:
            num_steps: Number of steps of the whole training, for the learning-rate schedule.
        """

    def settle(self) -> None:
        """Apply the optimiser's deferred updates, so that all parameters are up to date."""

    def validate(self) -> Validation:
        """Compute loss and score on the validation part."""

    def after_validation(self, is_best: bool) -> None:
        """React to a validation, for example by keeping the weights of the best epoch.

        Args:
            is_best: Whether the validation loss is the lowest so far.
        """

    def finish(self) -> None:
        """Load the weights that are the result of the training into the model."""


class Trainer:
    """Runs the training loop, from the newest checkpoint where there is one.

    Args:
        objective: What is trained, and how.
        callback: Called with every event.
        checkpoint_manager: Keeps checkpoints and the log; None for neither.
    """

    def __init__(
        self,
        objective: Objective,
        callback: Callback,
        checkpoint_manager: CheckpointManager | None = None,
    ) -> None:
        self.objective, self.callback = objective, callback
        self.checkpoint_manager = checkpoint_manager

    @property
    def progress(self) -> Progress:
        """The progress of the training: step, epoch, losses and scores so far."""
        return self.objective.state.progress

    def run(self) -> Progress:
        """Train to the end.

        Raises:
            DivergedError: The loss of a step is not finite, a parameter is not finite when a
                checkpoint is made, or the validation loss is not finite or absurdly high. The last
                checkpoint stays.
            RunFolderError, FormatError: A checkpoint cannot be written, or belongs to another run.
        """
        with ExitStack() as stack:
            if self.checkpoint_manager is not None:
                self.checkpoint_manager.open(self.objective.state, self.callback, stack)
            self.callback(TrainingBegins(self.progress.step))
            while self._goes_on():
                self._epoch()
        self.objective.finish()
        return self.progress

    def _goes_on(self) -> bool:
        progress, patience = self.progress, self.objective.patience
        done = len(progress.epochs)
        is_stale = (
            bool(patience) and progress.position == 0 and done - progress.best_epoch >= patience
        )
        return done < self.objective.num_epochs and not is_stale

    def _epoch(self) -> None:
        progress, manager = self.progress, self.checkpoint_manager
        num_steps = self.objective.begin_epoch()
        self.callback(EpochBegins(progress.epoch, num_steps, progress.position))
        while progress.position < num_steps:
            self._step(num_steps * self.objective.num_epochs)
            is_within = progress.position < num_steps
            if is_within and manager is not None and manager.is_due(progress.step):
                self._save()
        self._end_epoch()

    def _step(self, num_steps: int) -> None:
        progress, begin = self.progress, time.perf_counter()
        result = self.objective.step(num_steps)
        if not np.isfinite(result.loss):
            what = f"a finite loss, got {result.loss} on {result.batch}"
            raise self._diverged(what, progress.step + 1)
        progress.step += 1
        progress.position += 1
        progress.step_ms.append((time.perf_counter() - begin) * 1e3)
        self._record(result)

    def _record(self, result: StepResult) -> None:
        progress = self.progress
        progress.num_seen += result.num_examples
        progress.loss_sum += result.loss * result.num_examples
        progress.score_sum += result.score_sum
        self._log(
            step=progress.step,
            epoch=progress.epoch,
            loss=result.loss,
            learning_rate=result.learning_rate,
        )
        self.callback(
            Step(
                step=progress.step,
                loss=result.loss,
                score=result.score_sum / result.num_examples,
                learning_rate=result.learning_rate,
                num_tokens=result.num_tokens,
                ms=progress.step_ms[-1],
                mean_loss=progress.loss_sum / progress.num_seen,
                mean_score=progress.score_sum / progress.num_seen,
                metric=self.objective.metric,
            )
        )

    def _end_epoch(self) -> None:
        progress = self.progress
        self.objective.settle()
        loss, score, constant = self.objective.validate()
        if is_absurd(loss, constant):
            what = (
                f"a validation loss not far above {constant:.3g}, that of a constant answer, got "
                f"{loss:.3g}"
            )
            raise self._diverged(what, progress.step)
        is_best = progress.best_loss is None or loss < progress.best_loss
        if is_best:
            progress.best_loss, progress.best_epoch = loss, progress.epoch
        self.objective.after_validation(is_best)
        steps = progress.step_ms[-progress.position :]
        epoch = Epoch(
            epoch=progress.epoch,
            loss=progress.loss_sum / progress.num_seen,
            score=progress.score_sum / progress.num_seen,
            validation_loss=loss,
            validation_score=score,
            training_s=sum(steps) / 1e3,
            step_ms=statistics.median(steps),
            metric=self.objective.metric,
        )
        self._log(
            epoch=epoch.epoch,
            loss=epoch.loss,
            validation_loss=loss,
            **{epoch.metric: epoch.score, f"validation_{epoch.metric}": score},
        )
        progress.epochs.append(epoch)
        progress.position, progress.loss_sum, progress.score_sum, progress.num_seen = 0, 0.0, 0.0, 0
        # Before the checkpoint: after a kill in between, the event comes again rather than never.
        self.callback(epoch)
        self._save()

    def _log(self, **values: float) -> None:
        if self.checkpoint_manager is not None:
            self.checkpoint_manager.log.append(values)

    def _save(self) -> None:
        if self.checkpoint_manager is not None:
            self.objective.settle()
            name = first_not_finite(self.objective.state.model)
            if name is not None:
                what = f"finite parameters, got others in {name}"
                raise self._diverged(what, self.progress.step)
            self.checkpoint_manager.save(self.objective.state)

    def _diverged(self, what: str, step: int) -> DivergedError:
        objective = self.objective
        return diverged(
            what,
            objective.state,
            objective.values,
            self.checkpoint_manager,
            step=step,
            rate=objective.rate_key,
        )
