"""The training of a language model: windows of running text, the state carried between them."""

import math
import statistics
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from tidegate.data.negatives import Candidates, Negatives, all_words
from tidegate.data.ragged import Ragged
from tidegate.data.streams import Streams, Window
from tidegate.model.language_model import LanguageModel
from tidegate.optim import Adam, clip_grad_norm_
from tidegate.training.callback import Callback
from tidegate.training.checkpoint_manager import CheckpointManager
from tidegate.training.diverged import DivergedError, diverged, first_not_finite, is_absurd
from tidegate.training.history import Epoch, Step
from tidegate.training.pretraining_state import PretrainingState
from tidegate.training.schedule import rate
from tidegate.training.state import Progress

EVALUATION_STREAMS = 32
"""Streams of a pass that only looks: its result does not depend on them but for their first steps,
which have nothing before them."""


@dataclass(frozen=True)
class Pretraining:
    """The values of a language model's training."""

    num_streams: int = 64
    num_steps: int = 64
    """Of a window: how far back gradients reach."""
    num_negatives: int = 512
    """Words that stand for the vocabulary in a step, on average."""
    negative_power: float = 0.75
    epochs: int = 4
    learning_rate: float = 3e-3
    """The highest of a one-cycle schedule."""
    warmup_share: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8
    table_rule: Literal["dense", "lazy"] = "lazy"
    """Of the embedding's rows that a step does not read."""
    clip_norm: float = 1.0

    def configuration(self) -> dict[str, Any]:
        """All values by name, as checkpoints record them."""
        return asdict(self)


def pretrain(
    model: LanguageModel,
    values: Pretraining,
    corpus: Ragged,
    held_out: Ragged,
    *,
    seed: int,
    callback: Callback,
    checkpoint_manager: CheckpointManager | None = None,
) -> Progress:
    """Train a language model on documents without labels.

    Windows and negatives depend on (seed, epoch, step) alone, and the carried state is part of a
    checkpoint: a training that was killed and is resumed ends with the same bits.

    Args:
        model: With its initial values.
        corpus: The documents, each with a token that says where it begins or ends.
        held_out: Documents to measure by after each epoch, with the whole vocabulary.
        callback: Is told losses in nats a token, and the share of targets that were the likeliest.

    Raises:
        DivergedError: The loss of a step is not finite, or a parameter that was to be saved; or
            the loss of the held-out documents is not, or is absurd. The last checkpoint stays.
        RunFolderError, FormatError: A checkpoint cannot be written, or belongs to another run.
        ValueError: A corpus with fewer tokens than streams.
    """
    return _Pretraining(model, values, corpus, held_out, seed, callback, checkpoint_manager).run()


class _Pretraining:
    def __init__(
        self,
        model: LanguageModel,
        values: Pretraining,
        corpus: Ragged,
        held_out: Ragged,
        seed: int,
        callback: Callback,
        checkpoint_manager: CheckpointManager | None,
    ) -> None:
        self.model, self.values, self.held_out = model, values, held_out
        self.callback, self.checkpoint_manager = callback, checkpoint_manager
        self.streams = [
            Streams(
                corpus,
                num_streams=values.num_streams,
                num_steps=values.num_steps,
                seed=seed,
                reverse=direction == 1,
            )
            for direction in range(len(model.layers))
        ]
        counts = corpus.counts(model.config["vocabulary_size"])
        self.negatives = Negatives(
            counts, values.num_negatives, seed=seed, power=values.negative_power
        )
        optimiser = Adam(
            model.parameters(),
            lr=values.learning_rate,
            betas=(values.beta1, values.beta2),
            eps=values.epsilon,
            lazy=values.table_rule == "lazy",
        )
        self.optimiser = optimiser
        self.state = PretrainingState(model, optimiser, None, Progress())

    def run(self) -> Progress:
        progress = self.state.progress
        with ExitStack() as stack:
            if self.checkpoint_manager is not None:
                self.checkpoint_manager.open(self.state, self.callback, stack)
                progress = self.state.progress
            self.callback.training_begins(progress.step)
            while len(progress.epochs) < self.values.epochs:
                self._epoch()
        return progress

    def _epoch(self) -> None:
        progress, num_windows = self.state.progress, self.streams[0].num_windows
        self.callback.epoch_begins(progress.epoch, num_windows, progress.position)
        if progress.position == 0:
            self.state.carried = [None] * len(self.streams)
        while progress.position < num_windows:
            self._step(num_windows * self.values.epochs)
            is_within = progress.position < num_windows
            if (
                is_within
                and self.checkpoint_manager is not None
                and self.checkpoint_manager.is_due(progress.step)
            ):
                self._save()
        self._end_epoch()

    def _step(self, num_steps: int) -> None:
        progress, values = self.state.progress, self.values
        begin = time.perf_counter()
        share = rate("one-cycle", progress.step, num_steps, values.warmup_share)
        for group in self.optimiser.param_groups:
            group["lr"] = values.learning_rate * share
        windows = [streams.window(progress.epoch, progress.position) for streams in self.streams]
        candidates = self.negatives.draw(progress.step)
        self.optimiser.catch_up(self.model.embedding.weight, _words(windows, candidates))
        self.optimiser.zero_grad()
        loss, num_right, num_tokens = 0.0, 0, 0
        for direction, window in enumerate(windows):
            found = _predict(self.model, direction, window, candidates, self.state.carried)
            found.loss.backward()
            loss += found.loss.item() / len(windows)
            num_right += int(found.num_right)
            num_tokens += len(window.targets)
        if not np.isfinite(loss):
            what = f"a finite loss, got {loss} on window {progress.position + 1} of the epoch"
            raise self._diverged(what, progress.step + 1)
        clip_grad_norm_(self.model.parameters(), values.clip_norm)
        self.optimiser.step()
        progress.step += 1
        progress.position += 1
        progress.step_ms.append((time.perf_counter() - begin) * 1e3)
        self._count(loss, num_right, num_tokens)

    def _count(self, loss: float, num_right: int, num_tokens: int) -> None:
        progress = self.state.progress
        progress.num_seen += num_tokens
        progress.loss_sum += loss * num_tokens
        progress.num_right += num_right
        learning_rate = self.optimiser.param_groups[0]["lr"]
        if self.checkpoint_manager is not None:
            self.checkpoint_manager.log.append(
                {
                    "step": progress.step,
                    "epoch": progress.epoch,
                    "loss": loss,
                    "learning_rate": learning_rate,
                }
            )
        self.callback.step_ends(
            Step(
                step=progress.step,
                loss=loss,
                accuracy=num_right / num_tokens,
                learning_rate=learning_rate,
                num_tokens=num_tokens,
                ms=progress.step_ms[-1],
                mean_loss=progress.loss_sum / progress.num_seen,
                mean_accuracy=progress.num_right / progress.num_seen,
            )
        )

    def _end_epoch(self) -> None:
        progress = self.state.progress
        self.optimiser.catch_up()
        validation_loss, validation_accuracy = measure(self.model, self.held_out)
        constant = math.log(self.model.config["vocabulary_size"])
        if is_absurd(validation_loss, constant):
            what = (
                f"a loss of the held-out documents not far above {constant:.3g}, that of all words "
                f"alike, got {validation_loss:.3g}"
            )
            raise self._diverged(what, progress.step)
        steps = progress.step_ms[-progress.position :]
        epoch = Epoch(
            epoch=progress.epoch,
            loss=progress.loss_sum / progress.num_seen,
            accuracy=progress.num_right / progress.num_seen,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            training_s=sum(steps) / 1e3,
            step_ms=statistics.median(steps),
        )
        if self.checkpoint_manager is not None:
            self.checkpoint_manager.log.append(
                {
                    "epoch": epoch.epoch,
                    "loss": epoch.loss,
                    "accuracy": epoch.accuracy,
                    "validation_loss": validation_loss,
                    "validation_accuracy": validation_accuracy,
                }
            )
        progress.epochs.append(epoch)
        progress.position, progress.loss_sum, progress.num_right, progress.num_seen = 0, 0.0, 0, 0
        # Told before the checkpoint: told again after a kill in between, rather than never.
        self.callback.epoch_ends(epoch)
        self._save()

    def _save(self) -> None:
        if self.checkpoint_manager is not None:
            self.optimiser.catch_up()
            name = first_not_finite(self.model)
            if name is not None:
                what = f"finite parameters, got others in {name}"
                raise self._diverged(what, self.state.progress.step)
            self.checkpoint_manager.save(self.state)

    def _diverged(self, what: str, step: int) -> DivergedError:
        return diverged(
            what,
            self.state,
            self.values,
            self.checkpoint_manager,
            step=step,
            rate="pretrain_learning_rate",
        )


def _predict(
    model: LanguageModel,
    direction: int,
    window: Window,
    candidates: Candidates,
    carried: list[Any],
) -> Any:
    """A direction's prediction of a window; its state is carried on."""
    found = model(
        direction,
        torch.from_numpy(window.inputs),
        torch.from_numpy(window.targets),
        torch.from_numpy(window.offsets),
        (torch.from_numpy(candidates.ids), torch.from_numpy(candidates.log_weights)),
        carried[direction],
    )
    carried[direction] = found.state
    return found


def _words(windows: list[Window], candidates: Candidates) -> Tensor:
    """The rows of the embedding that a step reads, ascending."""
    parts = [candidates.ids]
    for window in windows:
        parts += [window.inputs, window.targets]
    return torch.from_numpy(np.unique(np.concatenate(parts)))


@torch.no_grad()
def measure(model: LanguageModel, documents: Ragged, num_steps: int = 64) -> tuple[float, float]:
    """Loss in nats a token over the whole vocabulary, and the share of tokens that were likeliest.

    Means over the documents as one text of two tokens or more, and over the directions.
    """
    loss, num_right, num_tokens = 0.0, 0, 0
    everything = all_words(model.config["vocabulary_size"])
    num_streams = min(EVALUATION_STREAMS, int(documents.lengths().sum()) - 1)
    for direction in range(len(model.layers)):
        streams = Streams(
            documents,
            num_streams=num_streams,
            num_steps=num_steps,
            seed=0,
            reverse=direction == 1,
        )
        carried: list[Any] = [None] * len(model.layers)
        for step in range(streams.num_windows):
            window = streams.window(0, step)
            found = _predict(model, direction, window, everything, carried)
            loss += found.loss.item() * len(window.targets)
            num_right += int(found.num_right)
            num_tokens += len(window.targets)
    return loss / num_tokens, num_right / num_tokens
