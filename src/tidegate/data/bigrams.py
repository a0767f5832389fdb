"""Pairs of neighbouring words as ids of their own, beside the words'.

A bag of such pairs is what lets linear models on text come near to networks (Wang and Manning
2012; Joulin et al. 2017); a recurrent network that reads them has both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged
from tidegate.errors import FormatError

NONE = 0
"""The id of a position whose pair has no id: rare, with an unknown word, or at a text's start."""


@dataclass(frozen=True)
class Bigrams:
    """The most frequent pairs of some sequences."""

    codes: NDArray[np.int64]
    """``first * num_ids + second`` of each pair, ascending; the pair's id is its place plus 1."""
    num_ids: int
    """Of the words."""

    @classmethod
    def build(cls, words: Ragged, num_ids: int, size: int, *, unknown: int) -> "Bigrams":
        """Choose the pairs that occur most often, at least twice.

        Args:
            words: Ids of words, each below ``num_ids``.
            num_ids: Of the words.
            size: Number of ids of pairs in all, that of no pair included.
            unknown: The id of unknown words, whose pairs say nothing.
        """
        codes = _codes(words, num_ids)
        first, second = np.divmod(codes, num_ids)
        found = codes[(codes >= 0) & (first != unknown) & (second != unknown)]
        distinct, counts = np.unique(found, return_counts=True)
        distinct, counts = distinct[counts > 1], counts[counts > 1]
        most = np.argsort(-counts, kind="stable")[: max(size - 1, 0)]
        return cls(np.sort(distinct[most]), num_ids)

    def __len__(self) -> int:
        """Number of ids, that of no pair included."""
        return len(self.codes) + 1

    def encode(self, words: Ragged) -> Ragged:
        """The id of the pair that ends at each word."""
        codes = _codes(words, self.num_ids)
        places = np.searchsorted(self.codes, codes)
        if not len(self.codes):
            return Ragged(np.zeros(len(codes), np.int32), words.offsets)
        places[places == len(self.codes)] = 0
        ids = np.where(self.codes[places] == codes, places + 1, NONE)
        return Ragged(ids.astype(np.int32), words.offsets)

    def to_json(self) -> dict[str, Any]:
        """What a model folder keeps of them: the ids of each pair's words."""
        pairs = np.stack(np.divmod(self.codes, self.num_ids), 1)
        return {"num_words": self.num_ids, "pairs": pairs.tolist()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Bigrams":
        """The pairs that :meth:`to_json` wrote.

        Raises:
            FormatError: They are none, or not in order.
        """
        try:
            num_ids, pairs = int(content["num_words"]), _pairs(content["pairs"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise FormatError(
                f"bigrams: expected num_words and pairs, a list of [first, second], got {error!r}"
            ) from None
        codes = pairs[:, 0] * num_ids + pairs[:, 1]
        if pairs.size and (
            pairs.min() < 0 or pairs.max() >= num_ids or (np.diff(codes) <= 0).any()
        ):
            raise FormatError(
                f"bigrams: expected ascending pairs of ids from 0 to {num_ids - 1}, got others"
            )
        return cls(codes, num_ids)


def _pairs(content: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    return np.array(content, np.int64).reshape(len(content), 2)


def _codes(words: Ragged, num_ids: int) -> NDArray[np.int64]:
    """The code of the pair that ends at each position; -1 at a sequence's first."""
    ids = words.values.astype(np.int64)
    codes = np.full(len(ids), -1)
    codes[1:] = ids[:-1] * num_ids + ids[1:]
    starts = words.offsets[:-1]
    codes[starts[starts < len(codes)]] = -1
    return codes
