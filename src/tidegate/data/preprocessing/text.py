"""Texts as ids of words, of pairs of words, and of all words that a linear model knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np

from tidegate.data.bigrams import Bigrams
from tidegate.data.preprocessing.reading import Reading
from tidegate.data.ragged import Ragged, offsets_of, pad_front
from tidegate.data.vocabulary import UNKNOWN, Vocabulary
from tidegate.data.words import Words
from tidegate.errors import FormatError

Padding = Literal["none", "front"]

TOKEN_IDS, BIGRAM_IDS, FULL_TOKEN_IDS = "token_ids", "bigram_ids", "full_token_ids"
"""Names of the arrays: what the network reads, and what the linear model reads."""

MANY_TEXTS = 64
"""From so many texts on Arrow numbers their words."""


@dataclass(frozen=True)
class TextOptions:
    """How texts become ids."""

    vocabulary_size: int
    """Number of ids, the reserved ones included."""
    max_length: int | None
    """Tokens of a text that are kept, its last ones; None for all."""
    tokens: str = "keras"
    """What texts are split into, one of ``tokenise.NAMES``."""
    padding: Padding = "none"
    """Whether shorter texts get zeros in front, up to ``max_length``."""
    bigram_vocabulary_size: int = 0
    """Number of ids of pairs of words; 0 for none."""
    full_token_ids: bool = False
    """Whether the uncut texts over all words of the training texts are wanted as well."""


@dataclass(frozen=True)
class TextPreprocessor:
    """Turns texts into named ragged arrays of ids.

    - ``token_ids``: a start token and the words, the last ``max_length`` of them;
    - ``bigram_ids``, where there are pairs: that of each token and the one before it;
    - ``full_token_ids``, where there is a full vocabulary: the uncut text and an end token.
    """

    kind: ClassVar[str] = "text"

    vocabulary: Vocabulary
    max_length: int | None = None
    """Tokens of a text that are kept, its last ones; None for all."""
    padding: Padding = "none"
    """Whether shorter texts get zeros in front, up to ``max_length``."""
    bigrams: Bigrams | None = None
    full_vocabulary: Vocabulary | None = None
    """The words that a linear model knows."""

    @classmethod
    def fit(
        cls,
        texts: Words,
        options: TextOptions,
        *,
        num_trained: int | None = None,
        others: Sequence[Words] = (),
        vocabulary: Vocabulary | None = None,
    ) -> Self:
        """Choose words and pairs by how often texts have them.

        Args:
            texts: The words of the training texts, those that validate included.
            options: How.
            num_trained: The first so many texts train, and choose the pairs; all when left out.
            others: The words of texts without labels; they have a say in words and pairs, not in
                the full vocabulary.
            vocabulary: Use this one, of a model that was trained before.
        """
        everything = Vocabulary.build([texts])
        if vocabulary is None:
            known = Vocabulary.build([texts, *others]) if others else everything
            vocabulary = known.first(options.vocabulary_size)
        made = cls(
            vocabulary,
            options.max_length,
            options.padding,
            full_vocabulary=everything if options.full_token_ids else None,
        )
        if not options.bigram_vocabulary_size:
            return made
        read = [made._cut(vocabulary.encode(words)) for words in (texts, *others)]
        read[0] = read[0].take(slice(0, num_trained))
        bigrams = Bigrams.build(
            Ragged.concatenate(read),
            len(vocabulary),
            options.bigram_vocabulary_size,
            unknown=UNKNOWN,
        )
        return replace(made, bigrams=bigrams)

    def transform(self, texts: Sequence[str]) -> dict[str, Ragged]:
        """The arrays of texts, by name.

        Few texts, and all where Arrow is not installed, do without it.

        Raises:
            DataError: A text holds half a surrogate pair.
        """
        return self.read(texts)[0]

    def read(self, texts: Sequence[str]) -> tuple[dict[str, Ragged], Reading]:
        """What :meth:`transform` gives, and how much of the texts is in it."""
        if len(texts) >= MANY_TEXTS and _has_arrow():
            ids, full = self._ids_of(self.vocabulary.tokeniser.split(texts))
        else:
            tokens = self.vocabulary.tokeniser.tokenise(texts)
            ids, full = self.vocabulary.encode_tokens(tokens), None
            if self.full_vocabulary is not None:
                full = self.full_vocabulary.encode_tokens(tokens, end=True)
        return self._arrays(ids, full), Reading.of(ids, self.max_length)

    def transform_words(self, texts: Words) -> dict[str, Ragged]:
        """The same for texts that are split already: faster, for training."""
        return self._arrays(*self._ids_of(texts))

    def _ids_of(self, texts: Words) -> tuple[Ragged, Ragged | None]:
        """The ids of the vocabulary and, where there is one, of the full vocabulary."""
        full = None
        if self.full_vocabulary is not None:
            full = self.full_vocabulary.encode(texts, end=True)
        return self.vocabulary.encode(texts), full

    @property
    def looks_ahead(self) -> bool:
        """Whether what a network reads of a token, or before it, depends on what follows.

        Of a text of which the last tokens are kept, the first ones are dropped when more follow.
        """
        return self.padding == "front" or self.max_length is not None

    def describe(self) -> str:
        """What becomes of a text, in a line."""
        kept = "all" if self.max_length is None else f"the last {self.max_length}"
        pairs = "" if self.bigrams is None else f" and {len(self.bigrams):,} pairs of tokens"
        return (
            f"texts: {kept} tokens of a vocabulary of {len(self.vocabulary):,}{pairs}"
            f"{', zeros before short texts' if self.padding == 'front' else ''}; tokens are "
            f"{self.vocabulary.tokeniser.describe()}"
        )

    def to_json(self) -> dict[str, Any]:
        """What a model folder keeps of it."""
        bigrams, full = self.bigrams, self.full_vocabulary
        return {
            "kind": self.kind,
            "max_length": self.max_length,
            "padding": self.padding,
            "vocabulary": self.vocabulary.to_json(),
            "bigrams": None if bigrams is None else bigrams.to_json(),
            "full_vocabulary": None if full is None else full.to_json(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The preprocessor of :meth:`to_json`.

        Raises:
            FormatError: The content is not that of a preprocessor of texts.
        """
        keys = {"kind", "max_length", "padding", "vocabulary", "bigrams", "full_vocabulary"}
        if {*content} != keys:
            raise FormatError(f"preprocessor: expected {sorted(keys)}, got {sorted(content)}")
        max_length, padding = content["max_length"], content["padding"]
        if max_length is not None and not (type(max_length) is int and 1 <= max_length < 1 << 31):
            raise FormatError(f"preprocessor: expected max_length from 1 on, got {max_length!r}")
        if padding not in get_args(Padding) or (padding == "front" and max_length is None):
            raise FormatError(
                f"preprocessor: expected padding of {', '.join(get_args(Padding))}, with a "
                f"max_length for 'front', got {padding!r} and max_length {max_length}"
            )
        vocabulary = _vocabulary(content["vocabulary"])
        tokeniser = vocabulary.tokeniser
        bigrams, full = content["bigrams"], content["full_vocabulary"]
        made = cls(
            vocabulary,
            max_length,
            padding,
            None if bigrams is None else Bigrams.from_json(bigrams),
            None if full is None else _vocabulary(full),
        )
        if made.full_vocabulary is not None and made.full_vocabulary.tokeniser != tokeniser:
            raise FormatError(
                f"preprocessor: expected a full vocabulary of the vocabulary's {tokeniser}, got "
                f"one of {made.full_vocabulary.tokeniser}"
            )
        if made.bigrams is not None and made.bigrams.num_ids != len(vocabulary):
            raise FormatError(
                f"preprocessor: expected pairs of the {len(vocabulary)} ids of the vocabulary, got "
                f"pairs of {made.bigrams.num_ids}"
            )
        return made

    def _arrays(self, ids: Ragged, full: Ragged | None) -> dict[str, Ragged]:
        cut = self._cut(ids)
        arrays = {TOKEN_IDS: cut}
        if self.bigrams is not None:
            arrays[BIGRAM_IDS] = self.bigrams.encode(cut)
        if full is not None:
            arrays[FULL_TOKEN_IDS] = full
        return arrays

    def _cut(self, ids: Ragged) -> Ragged:
        if self.max_length is None:
            return ids
        if self.padding == "none":
            return ids.last(self.max_length)
        padded = pad_front(ids, self.max_length)
        lengths = np.full(len(ids), self.max_length)
        return Ragged(padded.reshape(-1).astype(np.int32), offsets_of(lengths))


@cache
def _has_arrow() -> bool:
    return find_spec("pyarrow") is not None


def _vocabulary(content: Any) -> Vocabulary:
    if not isinstance(content, dict):
        raise FormatError(f"preprocessor: expected a vocabulary, got {type(content).__name__}")
    return Vocabulary.from_json(content)
