"""Words and their ids, numbered as ``keras.datasets.imdb`` numbers them.

Words are ranked by how often the training texts have them. Ids: 0 padding, 1 the start of a text,
2 an unknown word, 3 the end of a text (Keras has no use for it), 4 the most frequent word.

Source: ``keras.datasets.imdb`` (``index_from=3``).
"""

import hashlib
import json
import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data import tokenise
from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.tokenise import KERAS
from tidegate.data.tokeniser import Tokeniser, Tokens
from tidegate.data.words import Words
from tidegate.errors import FormatError

PADDING, START, UNKNOWN, END, FIRST_WORD = range(5)


@dataclass(frozen=True)
class Vocabulary:
    """The most frequent words of some texts, the most frequent first."""

    words: list[str]
    tokeniser: Tokeniser = KERAS
    """What splits texts into these words."""
    num_distinct: int | None = field(default=None, compare=False)
    """How many distinct words the texts have in all; None where it was read from a file."""

    @classmethod
    def build(
        cls, texts: Iterable[Words], size: int | None = None, min_count: int = 1
    ) -> "Vocabulary":
        """Rank the words of training texts; words of equal frequency stand in alphabetical order.

        Args:
            texts: The words of the texts, in parts: only one is looked at at a time.
            size: Number of ids in all, the four reserved ones included (``num_words`` in Keras);
                None for all words.
            min_count: How often a word must stand in the texts to have an id.

        Raises:
            ValueError: The parts were split by different tokenisers, or there is none.
        """
        counts: Counter[str] = Counter()
        tokenisers: list[Tokeniser] = []
        for part in texts:
            if part.tokeniser not in tokenisers:
                tokenisers.append(part.tokeniser)
            counts.update(dict(zip(part.distinct.to_pylist(), part.counts().tolist(), strict=True)))
        if len(tokenisers) != 1:
            raise ValueError(
                "Vocabulary.build: expected words split by one tokeniser, got "
                f"{', '.join(one.name for one in tokenisers) or 'no words at all'}"
            )
        # The sort is stable, so the alphabet decides between equals.
        ranked = sorted(sorted(counts), key=lambda word: counts[word], reverse=True)
        frequent = [word for word in ranked if counts[word] >= min_count]
        if size is not None:
            frequent = frequent[: max(size - FIRST_WORD, 0)]
        return cls(frequent, tokenisers[0], len(ranked))

    def first(self, size: int) -> "Vocabulary":
        """The vocabulary of the most frequent words alone, with ``size`` ids in all."""
        return Vocabulary(
            self.words[: max(size - FIRST_WORD, 0)], self.tokeniser, self.num_distinct
        )

    def __len__(self) -> int:
        """Number of ids, the reserved ones included."""
        return FIRST_WORD + len(self.words)

    def encode(self, texts: Words, *, end: bool = False) -> Ragged:
        """The ids of every text, START before its first word.

        Args:
            texts: Words split by the vocabulary's tokeniser.
            end: Whether END follows the last word.

        Raises:
            ValueError: The words were split by another tokeniser.
        """
        if texts.tokeniser != self.tokeniser:
            raise ValueError(
                f"Vocabulary.encode: expected words split by {self.tokeniser}, got those of "
                f"{texts.tokeniser}"
            )
        # Arrow's index_in would hash the whole vocabulary again for every call.
        distinct = texts.distinct.cast("binary").to_pylist()
        return _marked(self._number(distinct)[texts.codes.values], texts.codes.lengths(), end)

    def encode_tokens(self, tokens: Tokens, *, end: bool = False) -> Ragged:
        """The ids that :meth:`encode` gives, without Arrow: for a model that answers.

        Args:
            tokens: Of the vocabulary's tokeniser.
            end: Whether END follows the last word.
        """
        ids = self._number(tokens.words)[tokens.codes.values]
        return _marked(ids, tokens.codes.lengths(), end)

    def encode_texts(self, texts: Sequence[str], *, end: bool = False) -> Ragged:
        """:meth:`encode_tokens` of texts.

        Raises:
            DataError: A text holds half a surrogate pair.
        """
        return self.encode_tokens(self.tokeniser.tokenise(texts), end=end)

    def _number(self, words: Sequence[bytes]) -> NDArray[np.int32]:
        find = self._ids.get
        return np.fromiter((find(word, UNKNOWN) for word in words), np.int32, len(words))

    @cached_property
    def _ids(self) -> dict[bytes, int]:
        return {word.encode(): number for number, word in enumerate(self.words, FIRST_WORD)}

    def to_json(self) -> dict[str, Any]:
        """What a model folder keeps of it."""
        return {
            **self.tokeniser.to_json(),
            "padding": PADDING,
            "start": START,
            "unknown": UNKNOWN,
            "first_word": FIRST_WORD,
            "words": self.words,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Vocabulary":
        """The vocabulary that :meth:`to_json` wrote.

        Raises:
            FormatError: It is none, or one with other reserved ids.
            MissingPackageError: Its tokeniser needs a package that is not installed.
        """
        words = content.get("words")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise FormatError("vocabulary: expected words, a list of texts, got none")
        if len(set(words)) != len(words):
            twice = next(word for word, count in Counter(words).items() if count > 1)
            raise FormatError(f"vocabulary: expected every word once, got {twice!r} again")
        vocabulary = cls(words, tokenise.from_json(content))
        strange = next((word for word in words if not vocabulary.tokeniser.can_be(word)), None)
        if strange is not None:
            raise FormatError(
                f"vocabulary: expected words that are {vocabulary.tokeniser.name}, got "
                f"{strange[:40]!r}"
            )
        expected = vocabulary.to_json()
        if dict(content) != expected:
            differing = sorted(
                name
                for name in expected.keys() | content.keys()
                if content.get(name) != expected.get(name)
            )
            wanted = reprlib.repr({name: expected.get(name) for name in differing})
            got = reprlib.repr({name: content.get(name) for name in differing})
            raise FormatError(f"vocabulary: expected {wanted}, got {got}")
        return vocabulary

    def fingerprint(self) -> str:
        """SHA-256 over tokeniser, words and their order."""
        content = json.dumps(self.to_json(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def _marked(ids: NDArray[np.int32], lengths: NDArray[np.int64], end: bool) -> Ragged:
    """The ids of texts with START before the first of each, and END after the last if wanted."""
    offsets = offsets_of(lengths + (2 if end else 1))
    values = np.empty(offsets[-1], np.int32)
    is_word = np.ones(len(values), bool)
    is_word[offsets[:-1]] = False
    values[offsets[:-1]] = START
    if end:
        is_word[offsets[1:] - 1] = False
        values[offsets[1:] - 1] = END
    values[is_word] = ids
    return Ragged(values, offsets)
