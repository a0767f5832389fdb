"""Training of a language model by truncated backpropagation through time."""

import math
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
from tidegate.training.checkpoint_manager import CheckpointManager
from tidegate.training.events import Callback
from tidegate.training.pretraining_state import PretrainingState
from tidegate.training.schedule import rate
from tidegate.training.state import Progress
from tidegate.training.trainer import StepResult, Trainer, Validation

EVALUATION_STREAMS = 32
"""Streams of running text in an evaluation. Each begins without context, which is all that their
number changes."""


@dataclass(frozen=True)
class Pretraining:
    """Hyperparameters of a language model's training."""

    num_streams: int = 64
    """Batch size: streams of running text that are read in parallel."""
    num_steps: int = 64
    """Length of a window, and so of backpropagation through time, in tokens."""
    num_negatives: int = 512
    """Words sampled for each step's softmax, on average."""
    negative_power: float = 0.75
    """Exponent of the word frequency in the sampling probability."""
    epochs: int = 4
    learning_rate: float = 3e-3
    """Peak of the one-cycle schedule."""
    warmup_share: float = 0.1
    """Share of all steps in which the learning rate rises."""
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8
    embedding_update: Literal["dense", "lazy"] = "lazy"
    """Whether Adam also moves embedding rows that a step does not read, or leaves them."""
    clip_norm: float = 1.0
    """Largest norm of the gradient over all parameters."""

    def configuration(self) -> dict[str, Any]:
        """All hyperparameters by name, as checkpoints record them."""
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

    Windows and negatives depend on (seed, epoch, step) alone, and checkpoints include the hidden
    states, so a training that was killed and is resumed ends with the same bits.

    Args:
        model: The model with its initial values.
        values: Hyperparameters.
        corpus: The documents, each with a token that says where it begins or ends.
        held_out: Documents for validation after each epoch, over the whole vocabulary.
        seed: Seed of the order of the documents and of the negatives.
        callback: Called with every event. Losses are in nats per token; the score is top-1
            accuracy, in steps among the sampled words alone.
        checkpoint_manager: Keeps checkpoints and the log; None for neither.

    Raises:
        DivergedError, RunFolderError, FormatError: See :meth:`Trainer.run`.
        ValueError: The corpus has fewer tokens than streams.
    """
    objective = LanguageModelling(model, values, corpus, held_out, seed)
    return Trainer(objective, callback, checkpoint_manager).run()


class LanguageModelling:
    """The objective of a language model: predict the next word, or backwards the previous one."""

    def __init__(
        self,
        model: LanguageModel,
        values: Pretraining,
        corpus: Ragged,
        held_out: Ragged,
        seed: int,
    ) -> None:
        self.model, self.values, self.held_out = model, values, held_out
        self.metric, self.num_epochs, self.patience = "accuracy", values.epochs, 0
        self.rate_key = "pretraining.learning_rate"
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
            lazy=values.embedding_update == "lazy",
        )
        self.state = PretrainingState(model, optimiser, Progress())

    def begin_epoch(self) -> int:
        """Reset the hidden states; returns the number of windows in the epoch."""
        if self.state.progress.position == 0:
            self.state.carried = [None] * len(self.streams)
        return self.streams[0].num_windows

    def step(self, num_steps: int) -> StepResult:
        """Update the parameters with one window of every stream, in every direction."""
        progress, values, optimiser = self.state.progress, self.values, self.state.optimiser
        share = rate("one-cycle", progress.step, num_steps, values.warmup_share)
        for group in optimiser.param_groups:
            group["lr"] = values.learning_rate * share
        windows = [streams.window(progress.epoch, progress.position) for streams in self.streams]
        candidates = self.negatives.draw(progress.step)
        optimiser.catch_up(self.model.embedding.weight, _words(windows, candidates))
        optimiser.zero_grad()
        loss, num_right, num_tokens = 0.0, 0, 0
        for direction, window in enumerate(windows):
            prediction = _predict(self.model, direction, window, candidates, self.state.carried)
            prediction.loss.backward()
            loss += prediction.loss.item() / len(windows)
            num_right += int(prediction.num_right)
            num_tokens += len(window.targets)
        if np.isfinite(loss):
            clip_grad_norm_(self.model.parameters(), values.clip_norm)
            optimiser.step()
        return StepResult(
            loss=loss,
            score_sum=num_right,
            num_examples=num_tokens,
            num_tokens=num_tokens,
            learning_rate=optimiser.param_groups[0]["lr"],
            batch=f"window {progress.position + 1} of the epoch",
        )

    def settle(self) -> None:
        """Apply the deferred Adam updates of the embedding."""
        self.state.optimiser.catch_up()

    def validate(self) -> Validation:
        """Loss and accuracy on the held-out documents."""
        constant = math.log(self.model.config["vocabulary_size"])
        return Validation(*measure(self.model, self.held_out), constant)

    def after_validation(self, is_best: bool) -> None:
        """Do nothing: the last epoch's weights are the result."""

    def finish(self) -> None:
        """Do nothing: the last epoch's weights are the result."""


def _predict(
    model: LanguageModel,
    direction: int,
    window: Window,
    candidates: Candidates,
    carried: list[Any],
) -> Any:
    """Run one direction over a window and keep its final state for the next window."""
    prediction = model(
        direction,
        torch.from_numpy(window.inputs),
        torch.from_numpy(window.targets),
        torch.from_numpy(window.offsets),
        (torch.from_numpy(candidates.ids), torch.from_numpy(candidates.log_weights)),
        carried[direction],
    )
    carried[direction] = prediction.state
    return prediction


def _words(windows: list[Window], candidates: Candidates) -> Tensor:
    """The embedding rows that a step reads, ascending."""
    parts = [candidates.ids]
    for window in windows:
        parts += [window.inputs, window.targets]
    return torch.from_numpy(np.unique(np.concatenate(parts)))


@torch.no_grad()
def measure(model: LanguageModel, documents: Ragged, num_steps: int = 64) -> tuple[float, float]:
    """Loss in nats per token over the whole vocabulary, and top-1 accuracy.

    Args:
        model: The language model.
        documents: Read as one text, of at least two tokens.
        num_steps: Length of a window.

    Returns:
        Means over all tokens and directions.
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
            prediction = _predict(model, direction, window, everything, carried)
            loss += prediction.loss.item() * len(window.targets)
            num_right += int(prediction.num_right)
            num_tokens += len(window.targets)
    return loss / num_tokens, num_right / num_tokens
