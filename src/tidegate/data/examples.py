"""Labelled sequences, as named arrays, and their batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.batches import Rows, epoch_batches, ordered_batches
from tidegate.data.preprocessing.text import BIGRAM_IDS, FULL_TOKEN_IDS, TOKEN_IDS
from tidegate.data.ragged import Ragged
from tidegate.seeding import permutation


@dataclass(frozen=True)
class Examples:
    """Sequences and their targets; memory maps are read batch by batch."""

    inputs: Mapping[str, Ragged]
    """What a preprocessor made of them, by name: one array or several of equally many sequences.
    The first has the lengths by which batches are made."""
    targets: NDArray[Any]
    """As the task has them, (number of examples, ...)."""

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def steps(self) -> Ragged:
        """The array that the recurrent layers read, step by step."""
        return next(iter(self.inputs.values()))

    @property
    def token_ids(self) -> Ragged:
        """The ids of texts' tokens."""
        return self.inputs[TOKEN_IDS]

    @property
    def bigram_ids(self) -> Ragged | None:
        """The ids of pairs of neighbouring tokens, where there are such, as long as the tokens'."""
        return self.inputs.get(BIGRAM_IDS)

    @property
    def full_token_ids(self) -> Ragged | None:
        """The ids of uncut texts over all words, where there are such, for a linear model."""
        return self.inputs.get(FULL_TOKEN_IDS)

    @classmethod
    def concatenate(cls, parts: Sequence["Examples"]) -> "Examples":
        """The examples of several lists, one list after the other, all with the same arrays."""
        return cls(
            {
                name: Ragged.concatenate([part.inputs[name] for part in parts])
                for name in parts[0].inputs
            },
            np.concatenate([part.targets for part in parts]),
        )

    def take(self, rows: slice) -> "Examples":
        """Some of the examples."""
        return Examples(
            {name: ragged.take(rows) for name, ragged in self.inputs.items()}, self.targets[rows]
        )

    def with_more(self, others: "Examples", copies: int) -> "Examples":
        """These examples ``copies`` times, then others; without the uncut texts.

        Targets become float32, for those of the others may be probabilities.
        """
        read = [name for name in self.inputs if name != FULL_TOKEN_IDS]
        parts = [
            Examples({name: part.inputs[name] for name in read}, part.targets.astype(np.float32))
            for part in (self, others)
        ]
        return Examples.concatenate(parts[:1] * copies + parts[1:])

    def batch(self, rows: Rows) -> tuple[dict[str, Ragged], NDArray[Any]]:
        """The arrays that the network reads of some examples, by name, and their targets."""
        read = {name: one for name, one in self.inputs.items() if name != FULL_TOKEN_IDS}
        return {name: one.take(rows) for name, one in read.items()}, self.targets[rows]

    def epoch(self, batch_size: int, seed: int, epoch: int) -> list[Rows]:
        """The batches of an epoch, a function of seed and epoch.

        Sequences of unequal length are batched with others of their length; where all are equal,
        the order is one permutation.
        """
        lengths = self.steps.lengths()
        if len(lengths) and lengths.min() < lengths.max():
            return epoch_batches(lengths, batch_size, seed, epoch)
        order = permutation(len(self), seed, "shuffle", epoch)
        return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]

    def in_order(self, batch_size: int, max_tokens: int) -> list[Rows]:
        """The batches of an evaluation."""
        return ordered_batches(self.steps.lengths(), batch_size, max_tokens=max_tokens)
