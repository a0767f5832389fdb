"""The training loop of any objective: epochs, steps, validation, checkpoints, what is told."""

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
    """What one batch gave, before its move; nothing has moved where the loss is not finite."""

    loss: float
    """Mean over the batch."""
    score_sum: float
    """Of the objective's metric, over the batch."""
    num_examples: int
    """What the loss is the mean and the score the sum over."""
    num_tokens: int
    learning_rate: float
    """The highest that a part of the network has."""
    batch: str
    """Which one, for a message."""


class Validation(NamedTuple):
    """What the model is worth on what validates."""

    loss: float
    score: float
    """Of the objective's metric."""
    constant_loss: float
    """That of answering the same to everything, which needs no network."""


class Objective(Protocol):
    """What a training makes better, and by which steps.

    Everything that is drawn is a function of (seed, epoch, step), so that a training that was
    killed and is resumed ends with the same bits.
    """

    metric: str
    """A name of :data:`tidegate.task.METRICS`: what is told beside the loss."""
    num_epochs: int
    patience: int
    """Epochs without a better validation loss after which training stops; 0 for never."""

    @property
    def state(self) -> State:
        """Model, optimiser, and where the training stands; what a checkpoint holds."""

    rate_key: str
    """The recipe's key of the learning rate, for a message."""

    @property
    def values(self) -> Values:
        """What an error advises to change where the training diverges."""

    def begin_epoch(self) -> int:
        """Prepare the epoch under way, of which steps may be done; gives its number of steps."""

    def step(self, num_steps: int) -> StepResult:
        """Move the parameters by the batch at ``state.progress.position``.

        Args:
            num_steps: Of the whole training, for a schedule.
        """

    def settle(self) -> None:
        """Make the parameters those of now, where some of their moves were put off."""

    def validate(self) -> Validation:
        """Loss and score on what validates."""

    def after_validation(self, is_best: bool) -> None:
        """The epoch's validation loss is finite; whether it is the lowest so far."""

    def finish(self) -> None:
        """Give the model the weights that are the result."""


class Trainer:
    """Trains by an objective, from its checkpoint where there is one.

    Args:
        objective: What is trained, and how.
        callback: Is told how it goes.
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
        """Where the training stands."""
        return self.objective.state.progress

    def run(self) -> Progress:
        """Train to the end.

        Raises:
            DivergedError: The loss of a step is not finite, or a parameter that was to be saved;
                or the validation loss is not, or is absurd. The last checkpoint stays.
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
        found = self.objective.step(num_steps)
        if not np.isfinite(found.loss):
            what = f"a finite loss, got {found.loss} on {found.batch}"
            raise self._diverged(what, progress.step + 1)
        progress.step += 1
        progress.position += 1
        progress.step_ms.append((time.perf_counter() - begin) * 1e3)
        self._count(found)

    def _count(self, found: StepResult) -> None:
        progress = self.progress
        progress.num_seen += found.num_examples
        progress.loss_sum += found.loss * found.num_examples
        progress.score_sum += found.score_sum
        self._log(
            step=progress.step,
            epoch=progress.epoch,
            loss=found.loss,
            learning_rate=found.learning_rate,
        )
        self.callback(
            Step(
                step=progress.step,
                loss=found.loss,
                score=found.score_sum / found.num_examples,
                learning_rate=found.learning_rate,
                num_tokens=found.num_tokens,
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
        # Told before the checkpoint: told again after a kill in between, rather than never.
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
