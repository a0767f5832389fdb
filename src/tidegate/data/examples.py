"""Labelled sequences of ids, and their batches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.batches import Batch, Rows, epoch_batches, make_batch, ordered_batches
from tidegate.data.ragged import Ragged
from tidegate.seeding import permutation


@dataclass(frozen=True)
class Examples:
    """Sequences and their targets; memory maps are read batch by batch."""

    token_ids: Ragged
    targets: NDArray[Any]
    """As the task has them, (number of examples, ...)."""
    bigrams: Ragged | None = None
    """Ids of the pairs of neighbouring words, of the same lengths as ``token_ids``."""
    full_token_ids: Ragged | None = None
    """The same texts uncut, over all words there are: for models that count n-grams."""

    def __len__(self) -> int:
        return len(self.token_ids)

    @classmethod
    def concatenate(cls, parts: Sequence["Examples"]) -> "Examples":
        """The examples of several lists, one list after the other, all with the same fields."""

        def joined(found: list[Ragged | None]) -> Ragged | None:
            there = [ragged for ragged in found if ragged is not None]
            return Ragged.concatenate(there) if there else None

        return cls(
            Ragged.concatenate([part.token_ids for part in parts]),
            np.concatenate([part.targets for part in parts]),
            joined([part.bigrams for part in parts]),
            joined([part.full_token_ids for part in parts]),
        )

    def take(self, rows: slice) -> "Examples":
        """Some of the examples."""
        return replace(
            self,
            token_ids=self.token_ids.take(rows),
            targets=self.targets[rows],
            bigrams=None if self.bigrams is None else self.bigrams.take(rows),
            full_token_ids=None if self.full_token_ids is None else self.full_token_ids.take(rows),
        )

    def with_more(self, others: "Examples", copies: int) -> "Examples":
        """These examples ``copies`` times, then others; without the uncut texts.

        Targets become float32, for those of the others may be probabilities.
        """
        parts = [
            replace(part, targets=part.targets.astype(np.float32), full_token_ids=None)
            for part in (self, others)
        ]
        return Examples.concatenate(parts[:1] * copies + parts[1:])

    def batch(self, rows: Rows) -> tuple[Batch, Batch | None, NDArray[Any]]:
        """Some examples' words, bigrams and targets."""
        bigrams = None if self.bigrams is None else make_batch(self.bigrams, rows)
        return make_batch(self.token_ids, rows), bigrams, self.targets[rows]

    def epoch(self, batch_size: int, seed: int, epoch: int) -> list[Rows]:
        """The batches of an epoch, a function of seed and epoch.

        Sequences of unequal length are batched with others of their length; where all are equal,
        the order is one permutation.
        """
        lengths = self.token_ids.lengths()
        if len(lengths) and lengths.min() < lengths.max():
            return epoch_batches(lengths, batch_size, seed, epoch)
        order = permutation(len(self), seed, "shuffle", epoch)
        return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]

    def in_order(self, batch_size: int, max_tokens: int) -> list[Rows]:
        """The batches of an evaluation."""
        return ordered_batches(self.token_ids.lengths(), batch_size, max_tokens=max_tokens)
