"""A batch of sequences as the tensors that a network reads."""

from typing import NamedTuple

import torch
from torch import Tensor

from tidegate.data.batches import Batch


class Rows(NamedTuple):
    """The token ids of a batch, as its distinct ids and an index into these for every step."""

    distinct: Tensor
    """The ids that occur, ascending, (K,), int64."""
    slots: Tensor
    """``distinct[slots]`` are the ids, (P,), int64."""

    @classmethod
    def of(cls, batch: Batch) -> "Rows":
        """The ids of a batch."""
        return cls(torch.from_numpy(batch.distinct), torch.from_numpy(batch.slots))


class Inputs(NamedTuple):
    """N sequences of P steps in all, one after the other, as words or as numbers."""

    offsets: Tensor
    """Where each sequence begins, and the end of the last, (N + 1,), int64."""
    words: Rows | None = None
    """The word at every step."""
    bigrams: Rows | None = None
    """The pair that ends at every step; id 0 where the pair has no embedding."""
    features: Tensor | None = None
    """I numbers at every step, instead of words, (P, I), float32."""

    @classmethod
    def of(cls, words: Batch, bigrams: Batch | None = None) -> "Inputs":
        """The inputs made of a batch of words, and of a batch of the pairs that end at them."""
        pairs = None if bigrams is None else Rows.of(bigrams)
        return cls(torch.from_numpy(words.offsets), Rows.of(words), pairs)
