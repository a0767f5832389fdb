"""A batch of sequences as the tensors that a network reads."""

from typing import NamedTuple

import torch
from torch import Tensor

from tidegate.data.batches import Batch


class Rows(NamedTuple):
    """Ids, by the rows of an embedding table that they stand for."""

    distinct: Tensor
    """The ids that occur, ascending, (K,), int64."""
    slots: Tensor
    """``distinct[slots]`` are the ids, (P,), int64."""

    @classmethod
    def of(cls, batch: Batch) -> "Rows":
        """The ids of a batch."""
        return cls(torch.from_numpy(batch.distinct), torch.from_numpy(batch.slots))


class Inputs(NamedTuple):
    """N sequences of P steps in all, one after the other."""

    offsets: Tensor
    """Where each sequence begins, and the end of the last, (N + 1,), int64."""
    words: Rows | None = None
    bigrams: Rows | None = None
    """Of the same positions; id 0 where the pair has no embedding."""
    features: Tensor | None = None
    """Numbers instead of words, (P, I), float32."""

    @classmethod
    def of(cls, words: Batch, bigrams: Batch | None = None) -> "Inputs":
        """A batch of words, and of the pairs that end at them."""
        pairs = None if bigrams is None else Rows.of(bigrams)
        return cls(torch.from_numpy(words.offsets), Rows.of(words), pairs)
