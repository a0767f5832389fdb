"""From texts to words, quickly: whole blocks of text at once, by the class of every byte.

Every separator of every scheme is ASCII, and UTF-8 keeps ASCII bytes to themselves: once a text is
folded, a table of 256 classes says where its words begin and end.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.text_blocks import blocks, check_countable, encode
from tidegate.data.tokeniser import Tokens
from tidegate.data.words import Words, number

BLANK, LETTER, MARK, APOSTROPHE = range(4)
"""Classes of bytes: between words, of a word, a word of its own, of a word if inside it."""

_TO_LOWER = bytes(range(256)).lower()


@dataclass(frozen=True)
class Scheme:
    """The rules of a way to split texts into words."""

    filed_as: str
    """The name that model folders give it."""
    described: str
    """For a person: the tokens, their normalisation and case."""
    fold: Callable[[str], str]
    """What is done first to a text that is not pure ASCII; lower-casing is part of it."""
    classes: NDArray[np.uint8]
    """The class of every byte, shape (256,)."""
    markup: tuple[bytes, ...] = ()
    """What is between words as a whole, in lower case."""


@dataclass(frozen=True)
class WordTokeniser:
    """Splits texts into words by fixed rules."""

    name: str
    """One of :data:`SCHEMES`:

    - ``keras``: as ``keras.preprocessing.text`` does by default. Lower case; its punctuation, tabs
      and line ends are blanks; words stand between blanks; the apostrophe belongs to the word.
    - ``words``: lower case; ``<br />`` is a blank; each of ``! ? . , ; : ( ) "`` is a word of its
      own; apostrophes stay inside words (don't, it's); typographic quotes count as plain ones;
      letters and digits make words, and all other characters are blanks.
    """

    def __str__(self) -> str:
        """For messages."""
        return self.name

    def split(self, texts: Sequence[str]) -> Words:
        """The words of texts, numbered by Arrow; empty texts have none.

        Raises:
            DataError: A text holds half a surrogate pair, which no UTF-8 file can.
        """
        import pyarrow as pa

        parts, lengths = [], [np.empty(0, np.int64)]
        for block in self._split_blocks(texts):
            buffers = [pa.py_buffer(part) for part in (block.offsets, block.characters)]
            parts.append(pa.StringArray.from_buffers(len(block.offsets) - 1, *buffers))
            lengths.append(block.lengths)
        return Words(self, *number(parts, "string", np.concatenate(lengths)))

    def tokenise(self, texts: Sequence[str]) -> Tokens:
        """The words that :meth:`split` gives, one after the other, without Arrow.

        Raises:
            DataError: As :meth:`split`.
        """
        words: list[bytes] = []
        lengths = [np.empty(0, np.int64)]
        for block in self._split_blocks(texts):
            words += block.words()
            lengths.append(block.lengths)
        places = np.arange(len(words), dtype=np.int32)
        return Tokens(words, Ragged(places, offsets_of(np.concatenate(lengths))))

    def can_be(self, word: str) -> bool:
        """Any text may be a word: a vocabulary made elsewhere has those of other rules as well."""
        return True

    def describe(self) -> str:
        """The tokens, their normalisation and case, in a few words."""
        return SCHEMES[self.name].described

    def to_json(self) -> dict[str, Any]:
        """What a file keeps of it."""
        return {"scheme": SCHEMES[self.name].filed_as}

    def _split_blocks(self, texts: Sequence[str]) -> Iterator["_Block"]:
        for block in blocks(texts):
            yield _split_block(block, SCHEMES[self.name])


@dataclass(frozen=True)
class _Block:
    """The words of some texts, laid out as Arrow lays out strings."""

    characters: NDArray[np.uint8]
    """All words in UTF-8, one after the other."""
    offsets: NDArray[np.int32]
    """Where each word begins, and the end of the last."""
    lengths: NDArray[np.int64]
    """How many words each text has."""

    def words(self) -> list[bytes]:
        """The words one by one."""
        # A blank goes behind each, for bytes.split makes a list of words faster than slices do.
        num_words = len(self.offsets) - 1
        spaced = np.full(len(self.characters) + num_words, ord(" "), np.uint8)
        of_word = np.repeat(np.arange(num_words), np.diff(self.offsets))
        spaced[np.arange(len(self.characters)) + of_word] = self.characters
        return spaced.tobytes().split(b" ")[:-1]  # line ends are letters to Keras


def _split_block(texts: Sequence[str], rules: Scheme) -> _Block:
    encoded = [encode(text if text.isascii() else rules.fold(text)) for text in texts]
    joined = b" ".join(encoded).translate(_TO_LOWER)
    check_countable(len(joined))
    for markup in rules.markup:
        joined = joined.replace(markup, b" " * len(markup))
    content = np.frombuffer(joined, np.uint8)
    classes = rules.classes[content]
    _settle_apostrophes(classes)
    begins = classes != BLANK
    kept = np.flatnonzero(begins)  # by places, for a mask as index is three times slower
    # A letter after a letter goes on with a word; any other kept byte begins one.
    begins[1:] &= (classes[1:] != LETTER) | (classes[:-1] != LETTER)
    characters = content[kept]
    offsets = np.append(np.flatnonzero(begins[kept]), len(characters)).astype(np.int32)
    text_ends = np.cumsum([len(text) + 1 for text in encoded])
    words_before = np.searchsorted(np.flatnonzero(begins), text_ends)
    return _Block(characters, offsets, np.diff(words_before, prepend=0))


def _settle_apostrophes(classes: NDArray[np.uint8]) -> None:
    """Make each apostrophe a letter where it stands between two, and a blank elsewhere."""
    places = np.flatnonzero(classes == APOSTROPHE)
    before = classes[np.maximum(places - 1, 0)]
    after = classes[np.minimum(places + 1, len(classes) - 1)]
    classes[places] = np.where((before == LETTER) & (after == LETTER), LETTER, BLANK)


def _table(blanks: str, marks: str = "", apostrophe: str = "") -> NDArray[np.uint8]:
    """A table of classes; bytes outside of ASCII are parts of letters."""
    table = np.full(256, LETTER, np.uint8)
    for members, byte_class in ((blanks, BLANK), (marks, MARK), (apostrophe, APOSTROPHE)):
        table[list(members.encode())] = byte_class
    return table


def _fold_words(text: str) -> str:
    composed = unicodedata.normalize("NFC", text.lower())
    return _NO_LETTER.sub(lambda match: _plain(match[0]), composed)


_NO_LETTER = re.compile(r"[^\x00-\x7f\w]")

_QUOTES = dict.fromkeys("\u2018\u2019\u00b4\u02bc\x91\x92", "'")
_QUOTES |= dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\x93\x94", '"')
_QUOTES |= {"\u2026": "...", "\x85": "..."}
"""Typographic marks as plain ones; those below U+00A0 are Windows-1252 read as Latin-1, of which
old collections such as IMDB's have many."""


@cache
def _plain(character: str) -> str:
    """What a character stands for that is neither ASCII nor a letter or digit."""
    category = unicodedata.category(character)
    if category.startswith("M"):  # accents and vowel signs belong to their letter
        return character
    if category == "Cf":  # invisible: soft hyphens, joiners
        return ""
    return _QUOTES.get(character, " ")


_KERAS_BLANKS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n '
_NO_ALPHANUMERICS = "".join(chr(c) for c in range(128) if not chr(c).isalnum())

SCHEMES = {
    "keras": Scheme(
        "keras.datasets.imdb",
        "words as Keras' Tokenizer splits them, in lower case, not normalised",
        str.lower,
        _table(_KERAS_BLANKS),
    ),
    "words": Scheme(
        "tidegate.words",
        "words and punctuation marks, in lower case and Unicode NFC",
        _fold_words,
        _table(_NO_ALPHANUMERICS, marks='!?.,;:()"', apostrophe="'"),
        markup=(b"<br />", b"<br/>", b"<br>"),
    ),
}
