"""Bigrams: frequent pairs of neighbouring words, with ids of their own.

Bigram features bring linear models on text near to networks (Wang and Manning 2012; Joulin et al.
2017). A recurrent network can read them, too, beside the words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged
from tidegate.errors import FormatError

NONE = 0
"""The id where there is no bigram: a rare pair, one with an unknown word, or a text's start."""


@dataclass(frozen=True)
class Bigrams:
    """A vocabulary of the most frequent pairs in some sequences."""

    codes: NDArray[np.int64]
    """``first * num_ids + second`` of each pair, ascending; the pair's id is its place plus 1."""
    num_ids: int
    """Size of the vocabulary of words."""

    @classmethod
    def build(cls, words: Ragged, num_ids: int, size: int, *, unknown: int) -> "Bigrams":
        """Choose the pairs that occur most often, at least twice.

        Args:
            words: Ids of words, each below ``num_ids``.
            num_ids: Size of the vocabulary of words.
            size: The most ids of pairs, :data:`NONE` included.
            unknown: The id of unknown words, whose pairs are left out.
        """
        codes = _codes(words, num_ids)
        first, second = np.divmod(codes, num_ids)
        known = codes[(codes >= 0) & (first != unknown) & (second != unknown)]
        distinct, counts = np.unique(known, return_counts=True)
        distinct, counts = distinct[counts > 1], counts[counts > 1]
        most = np.argsort(-counts, kind="stable")[: max(size - 1, 0)]
        return cls(np.sort(distinct[most]), num_ids)

    def __len__(self) -> int:
        """Number of ids, :data:`NONE` included."""
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
        """The vocabulary as JSON values, for a model folder."""
        return {"num_words": self.num_ids, "codes": self.codes.tolist()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Bigrams":
        """The vocabulary of :meth:`to_json`.

        Raises:
            FormatError: The content is not that of a vocabulary of pairs, or not ascending.
        """
        num_ids, codes = content.get("num_words"), content.get("codes")
        if not (
            {*content} == {"num_words", "codes"}
            and type(num_ids) is int
            and 0 <= num_ids < 1 << 31
            and isinstance(codes, list)
            and all(type(code) is int and 0 <= code < num_ids**2 for code in codes)
        ):
            raise FormatError(
                "bigrams: expected num_words below 2^31 and codes, a list of whole numbers from 0 "
                f"to num_words^2 - 1, got {num_ids!r} and {str(codes)[:40]}"
            )
        ascending = np.array(codes, np.int64)
        if (np.diff(ascending) <= 0).any():
            raise FormatError("bigrams: expected ascending codes, got others")
        return cls(ascending, num_ids)


def _codes(words: Ragged, num_ids: int) -> NDArray[np.int64]:
    """The code of the pair that ends at each position; -1 at a sequence's first."""
    ids = words.values.astype(np.int64)
    codes = np.full(len(ids), -1)
    codes[1:] = ids[:-1] * num_ids + ids[1:]
    starts = words.offsets[:-1]
    codes[starts[starts < len(codes)]] = -1
    return codes
