"""From texts to words, quickly: whole blocks of text at once, by the class of every byte.

Every separator of every scheme is ASCII, and UTF-8 keeps ASCII bytes to themselves: once a text is
folded, a table of 256 classes says where its words begin and end.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.errors import DataError

# Arrow numbers the words of a training; a model that answers does without it.
if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_CHARACTERS = 1 << 20
"""Characters of text worked on at once: small enough to stay in the processor's cache."""

MAX_BLOCK_BYTES = (1 << 31) - 1
"""What the offsets of an Arrow string array can count."""

BLANK, LETTER, MARK, APOSTROPHE = range(4)
"""Classes of bytes: between words, of a word, a word of its own, of a word if inside it."""

_TO_LOWER = bytes(range(256)).lower()


@dataclass(frozen=True)
class Scheme:
    """A way of splitting texts into words."""

    fold: Callable[[str], str]
    """What is done first to a text that is not pure ASCII; lower-casing is part of it."""
    classes: NDArray[np.uint8]
    """The class of every byte, shape (256,)."""
    markup: tuple[bytes, ...] = ()
    """What is between words as a whole, in lower case."""


@dataclass(frozen=True)
class Words:
    """The words of some texts: every distinct word once, and its number wherever it stands."""

    scheme: str
    distinct: "pa.StringArray"
    """The distinct words, in the order of their first appearance."""
    codes: Ragged
    """For every text, the place in ``distinct`` of each of its words."""

    @classmethod
    def from_lists(cls, texts: Iterable[Sequence[str]], scheme: str = "keras") -> "Words":
        """Words that were split elsewhere."""
        import pyarrow as pa

        lists = list(texts)
        flat = pa.array([word for words in lists for word in words], pa.string())
        lengths = np.array([len(words) for words in lists], np.int64)
        return _number(scheme, [flat], lengths)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, text: int) -> list[str]:
        """The words of one text."""
        import pyarrow as pa

        words: list[str] = self.distinct.take(pa.array(self.codes[text])).to_pylist()
        return words

    def first(self, count: int) -> "Words":
        """The words of the first ``count`` texts."""
        offsets = self.codes.offsets[: count + 1]
        codes = self.codes.values[: offsets[-1]]
        # Distinct words stand in the order of their first appearance.
        num_distinct = int(codes.max()) + 1 if len(codes) else 0
        return Words(self.scheme, self.distinct[:num_distinct], Ragged(codes, offsets))

    def counts(self) -> NDArray[np.int64]:
        """How often each distinct word stands in the texts, shape (number of distinct words,)."""
        return np.bincount(self.codes.values, minlength=len(self.distinct))


def split(texts: Sequence[str], scheme: str = "keras") -> Words:
    """Split texts into words.

    Args:
        texts: The texts; empty ones have no words.
        scheme: ``keras``: as ``keras.preprocessing.text`` does by default. Lower case; its
            punctuation, tabs and line ends are blanks; words stand between blanks; the apostrophe
            belongs to the word. ``words``: lower case; ``<br />`` is a blank; each of
            ``! ? . , ; : ( ) "`` is a word of its own; apostrophes stay inside words (don't,
            it's); typographic quotes count as plain ones; letters and digits make words, and all
            other characters are blanks.

    Raises:
        DataError: A text holds half a surrogate pair, which no UTF-8 file can.
        ValueError: There is no such scheme.
    """
    import pyarrow as pa

    words: list[pa.StringArray] = []
    lengths = [np.empty(0, np.int64)]
    for block in _split_blocks(texts, scheme):
        offsets, characters = (pa.py_buffer(part) for part in (block.offsets, block.characters))
        words.append(pa.StringArray.from_buffers(len(block.offsets) - 1, offsets, characters))
        lengths.append(block.lengths)
    return _number(scheme, words, np.concatenate(lengths))


def tokenise(texts: Sequence[str], scheme: str = "keras") -> tuple[list[bytes], NDArray[np.int64]]:
    """Split texts into the words that :func:`split` gives, as a list; without Arrow.

    Returns:
        The words of all texts in UTF-8, one text after the other, and how many each text has.

    Raises:
        DataError, ValueError: As :func:`split`.
    """
    words: list[bytes] = []
    lengths = [np.empty(0, np.int64)]
    for block in _split_blocks(texts, scheme):
        words += block.words()
        lengths.append(block.lengths)
    return words, np.concatenate(lengths)


def _number(scheme: str, words: "list[pa.StringArray]", lengths: NDArray[np.int64]) -> Words:
    import pyarrow as pa

    numbered = pa.chunked_array(words, pa.string()).dictionary_encode()
    chunks = numbered.chunks
    distinct = chunks[-1].dictionary if chunks else pa.array([], pa.string())
    codes = [np.empty(0, np.int32), *(chunk.indices.to_numpy() for chunk in chunks)]
    return Words(scheme, distinct, Ragged(np.concatenate(codes), offsets_of(lengths)))


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
        number = np.repeat(np.arange(num_words), np.diff(self.offsets))
        spaced[np.arange(len(self.characters)) + number] = self.characters
        return spaced.tobytes().split(b" ")[:-1]  # line ends are letters to Keras


def _split_blocks(texts: Sequence[str], scheme: str) -> Iterator[_Block]:
    rules = _rules(scheme)
    for block in _blocks(texts):
        yield _split_block(block, rules)


def _blocks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start = size = 0
    for end, text in enumerate(texts, 1):
        size += len(text)
        if size >= BLOCK_CHARACTERS:
            yield texts[start:end]
            start, size = end, 0
    if start < len(texts):
        yield texts[start:]


def _split_block(texts: Sequence[str], rules: Scheme) -> _Block:
    encoded = [_encode(text if text.isascii() else rules.fold(text)) for text in texts]
    joined = b" ".join(encoded).translate(_TO_LOWER)
    if len(joined) > MAX_BLOCK_BYTES:
        raise DataError(
            f"split: expected texts of less than 2 GB, got {len(joined):,} bytes; cut the longest"
        )
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


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"split: expected texts of whole characters, got half a surrogate pair at position "
            f"{error.start} of {text[:40]!r}...; read the file as UTF-8"
        ) from error


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
    "keras": Scheme(str.lower, _table(_KERAS_BLANKS)),
    "words": Scheme(
        _fold_words,
        _table(_NO_ALPHANUMERICS, marks='!?.,;:()"', apostrophe="'"),
        markup=(b"<br />", b"<br/>", b"<br>"),
    ),
}


def _rules(scheme: str) -> Scheme:
    if scheme not in SCHEMES:
        raise ValueError(f"split: expected one of the schemes {', '.join(SCHEMES)}, got {scheme!r}")
    return SCHEMES[scheme]
