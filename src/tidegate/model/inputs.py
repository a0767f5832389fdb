"""A batch of sequences as the tensors that a network reads."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tidegate.data.batches import Batch, as_batch
from tidegate.data.preprocessing.forecast import BASE, UNIT
from tidegate.data.preprocessing.series import VALUES
from tidegate.data.preprocessing.text import BIGRAM_IDS, TOKEN_IDS
from tidegate.data.ragged import Ragged


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
    base: Tensor | None = None
    """For a forecast: what the network's differences are added to, (N * H, C), float32."""
    unit: Tensor | None = None
    """For a forecast: what a difference of 1 is, (N, C), float32."""

    @classmethod
    def of(cls, words: Batch, bigrams: Batch | None = None) -> "Inputs":
        """The inputs made of a batch of words, and of a batch of the pairs that end at them."""
        pairs = None if bigrams is None else Rows.of(bigrams)
        return cls(torch.from_numpy(words.offsets), Rows.of(words), pairs)

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Ragged]) -> "Inputs":
        """The inputs made of a preprocessor's arrays, by name: ids of tokens, or numbers."""
        if VALUES in arrays:
            values = arrays[VALUES]
            features = torch.from_numpy(np.ascontiguousarray(values.values, np.float32))
            base, unit = (
                torch.from_numpy(arrays[name].values.astype(np.float32)) if name in arrays else None
                for name in (BASE, UNIT)
            )
            return cls(torch.from_numpy(values.offsets), features=features, base=base, unit=unit)
        pairs = arrays.get(BIGRAM_IDS)
        return cls.of(as_batch(arrays[TOKEN_IDS]), None if pairs is None else as_batch(pairs))
