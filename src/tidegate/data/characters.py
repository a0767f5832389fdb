"""From texts to their characters: for scripts that put no blanks between words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.text_blocks import blocks, code_points, distinct_numbers, normalise
from tidegate.data.tokeniser import Tokens
from tidegate.data.words import Words, number


@dataclass(frozen=True)
class CharacterTokeniser:
    """Splits texts into characters: Unicode's code points in NFC.

    Case is kept. A run of white space is one blank, a token as well, and none stands at the ends of
    a text. A combining mark is a token of its own where Unicode has no character for the letter
    with it: always in Thai, for vowel signs in Arabic, rarely in Latin scripts.
    """

    name: ClassVar[str] = "characters"

    def __str__(self) -> str:
        """For messages."""
        return self.name

    def split(self, texts: Sequence[str]) -> Words:
        """The characters of texts, numbered by Arrow.

        Raises:
            DataError: A text holds half a surrogate pair.
        """
        import pyarrow as pa

        parts, lengths = [], [np.empty(0, np.int64)]
        for block in blocks(texts):
            normalised = [normalise(text) for text in block]
            parts.append(pa.array(code_points(normalised)))
            lengths.append(_lengths(normalised))
        distinct, codes = number(parts, "uint32", np.concatenate(lengths))
        return Words(self, pa.array(map(chr, distinct.to_pylist()), "string"), codes)

    def tokenise(self, texts: Sequence[str]) -> Tokens:
        """The characters that :meth:`split` gives, without Arrow.

        Raises:
            DataError: As :meth:`split`.
        """
        normalised = [normalise(text) for text in texts]
        distinct, codes = distinct_numbers(code_points(normalised))
        words = [chr(point).encode() for point in distinct.tolist()]
        return Tokens(words, Ragged(codes, offsets_of(_lengths(normalised))))

    def can_be(self, word: str) -> bool:
        """Whether a word is one character."""
        return len(word) == 1

    def describe(self) -> str:
        """The tokens, their normalisation and case, in a few words."""
        return "characters in Unicode NFC, case kept, white space as one blank"

    def to_json(self) -> dict[str, Any]:
        """What a file keeps of it."""
        return {"scheme": "tidegate.characters"}


def _lengths(texts: Sequence[str]) -> "np.typing.NDArray[np.int64]":
    return np.fromiter(map(len, texts), np.int64, len(texts))
