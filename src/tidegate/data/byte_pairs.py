"""From texts to pieces of words, by byte pairs: frequent words whole, rare ones in parts.

Texts are normalised, cut into runs of letters and single marks, each run with the blank before it,
and a run's bytes in UTF-8 are merged pair by pair, in the order in which the merges were learnt.
The package tokenizers learns the merges and applies them.

Source: Sennrich, Haddow and Birch 2016, "Neural machine translation of rare words with subword
units"; over bytes, as Radford et al. 2019, "Language models are unsupervised multitask learners".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.runs import runs
from tidegate.data.text_blocks import distinct_numbers
from tidegate.data.tokeniser import Tokens
from tidegate.data.words import Words, number
from tidegate.errors import FormatError, MissingPackageError
from tidegate.storage import json_file

if TYPE_CHECKING:
    from tokenizers.models import BPE

FILED_AS = "tidegate.bpe"

MOST_MERGES = 1 << 20
"""Of a tokeniser: some 150 MB of JSON at most."""

MOST_PIECE_CHARACTERS = 64
"""Of a piece as it is spelt, one a byte: twenty characters of Chinese."""

MIN_PAIRS = 2
"""How often a pair must stand in the texts to be merged."""


def _byte_alphabet() -> str:
    """A printable character for every byte, as files of byte pairs have had since GPT-2.

    Those of Latin-1 that can be seen stand for themselves, the others for U+0100 and on.
    """
    alphabet, unseen = [], 0x100
    for byte in range(256):
        is_seen = 0x21 <= byte <= 0x7E or 0xA1 <= byte <= 0xAC or byte >= 0xAE
        alphabet.append(chr(byte if is_seen else unseen))
        unseen += not is_seen
    return "".join(alphabet)


ALPHABET = _byte_alphabet()
_SPELT = dict(enumerate(ALPHABET)) | {ord("\n"): " "}
"""Every byte as its character; the line's end, which no normalised text has, parts runs."""


@dataclass(frozen=True)
class BytePairTokeniser:
    """Splits texts into pieces by merges that were learnt."""

    name: ClassVar[str] = "bpe"

    merges: tuple[tuple[str, str], ...] = field(repr=False)
    """The pairs of pieces that become one, the first learnt first; every piece is spelt in
    characters of :data:`ALPHABET`, one a byte."""

    unmerged: tuple[int, ...] = field(default=(), repr=False)
    """Places of merges, ascending, whose pieces the texts that taught them have within longer ones
    alone: a network never learns such a piece, so where one is left it is split into its parts."""

    def __str__(self) -> str:
        """For messages."""
        return f"{self.name} of {len(self.merges):,} merges"

    @classmethod
    def fit(cls, texts: Sequence[str], num_pieces: int) -> Self:
        """Learn merges: always of the pair of pieces that stands in the texts most often.

        Equal texts give equal merges, whatever the number of threads.

        Args:
            texts: What is learnt from.
            num_pieces: How many pieces there are in the end at most, the 256 bytes included.

        Raises:
            DataError: A text holds half a surrogate pair.
            MissingPackageError: The package tokenizers is not installed.
        """
        check_installed()
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        learning = Tokenizer(models.BPE())
        learning.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        trainer = trainers.BpeTrainer(
            vocab_size=min(num_pieces, len(ALPHABET) + MOST_MERGES),
            min_frequency=MIN_PAIRS,
            initial_alphabet=[*ALPHABET],
            max_token_length=MOST_PIECE_CHARACTERS,
            show_progress=False,
        )
        learning.train_from_iterator((_spell(block.lines()) for block in runs(texts)), trainer)
        merges = json_file.parse(learning.to_str())["model"]["merges"]
        made = cls(tuple((left, right) for left, right in merges[:MOST_MERGES]))
        whole = {*made.split(texts).distinct.to_pylist()}
        unmerged = (p for p, (left, right) in enumerate(made.merges) if left + right not in whole)
        return cls(made.merges, tuple(unmerged))

    def split(self, texts: Sequence[str]) -> Words:
        """The pieces of texts, numbered by Arrow; each distinct run is merged once.

        Raises:
            DataError: A text holds half a surrogate pair.
        """
        import pyarrow as pa

        parts, lengths = [], [np.empty(0, np.int64)]
        for block in runs(texts):
            buffers = [pa.py_buffer(part) for part in (block.offsets, block.characters)]
            parts.append(pa.StringArray.from_buffers(len(block.offsets) - 1, *buffers))
            lengths.append(block.lengths)
        distinct, codes = number(parts, "string", np.concatenate(lengths))
        lines = "".join(f"{run}\n" for run in distinct.to_pylist()).encode()
        ids = self._merge(_spell(lines).split(" ")[:-1], codes)
        places, codes = number([pa.array(ids.values)], "int32", ids.lengths())
        pieces = [self._pieces[place] for place in places.to_pylist()]
        return Words(self, pa.array(pieces, "string"), codes)

    def tokenise(self, texts: Sequence[str]) -> Tokens:
        """The pieces that :meth:`split` gives, without Arrow.

        Raises:
            DataError: As :meth:`split`.
        """
        spelt: list[str] = []
        lengths = [np.empty(0, np.int64)]
        for block in runs(texts):
            spelt += _spell(block.lines()).split(" ")[:-1]
            lengths.append(block.lengths)
        places = {run: place for place, run in enumerate(dict.fromkeys(spelt))}
        codes = np.fromiter((places[run] for run in spelt), np.int32, len(spelt))
        ids = self._merge(places, Ragged(codes, offsets_of(np.concatenate(lengths))))
        distinct, numbers = distinct_numbers(ids.values)
        words = [self._pieces[place].encode() for place in distinct.tolist()]
        return Tokens(words, Ragged(numbers, ids.offsets))

    def can_be(self, word: str) -> bool:
        """Whether a word is one of the pieces."""
        return word in self._ids and self._parts[self._ids[word]] == (self._ids[word],)

    def describe(self) -> str:
        """The tokens, their normalisation and case, in a few words."""
        return (
            f"byte pairs ({len(self.merges):,} merges) of Unicode NFC, case kept, white space as "
            "one blank"
        )

    def to_json(self) -> dict[str, Any]:
        """What a file keeps of it."""
        merges = [[*pair] for pair in self.merges]
        return {"scheme": FILED_AS, "merges": merges, "unmerged": [*self.unmerged]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The tokeniser of :meth:`to_json`.

        Raises:
            FormatError: The merges are no pairs of pieces, or too many, or others are unmerged.
            MissingPackageError: The package tokenizers is not installed.
        """
        merges = _checked_merges(content.get("merges"))
        made = cls(merges, _checked_places(content.get("unmerged"), len(merges)))
        check_installed()
        return made

    @cached_property
    def _ids(self) -> dict[str, int]:
        """The pieces: the bytes, then what merges make, each once."""
        pieces = dict.fromkeys(chain(ALPHABET, (left + right for left, right in self.merges)))
        return {piece: place for place, piece in enumerate(pieces)}

    @cached_property
    def _pieces(self) -> list[str]:
        return [*self._ids]

    @cached_property
    def _parts(self) -> list[tuple[int, ...]]:
        """For every piece the pieces it is left as: itself, or where it is unmerged its parts."""
        parts: list[tuple[int, ...]] = [(place,) for place in range(len(self._ids))]
        unmerged = {*self.unmerged}
        for place, (left, right) in enumerate(self.merges):
            if place in unmerged:
                parts[self._ids[left + right]] = parts[self._ids[left]] + parts[self._ids[right]]
        return parts

    @cached_property
    def _model(self) -> "BPE":
        from tokenizers.models import BPE

        return BPE(self._ids, [*self.merges])

    def _merge(self, distinct: Iterable[str], codes: Ragged) -> Ragged:
        """The pieces of texts as places in ``_pieces``.

        Args:
            distinct: Every distinct run, spelt.
            codes: For every text, the place there of each of its runs.
        """
        merge, parts = self._model.tokenize, self._parts
        merged = [[id for piece in merge(run) for id in parts[piece.id]] for run in distinct]
        lengths = np.fromiter(map(len, merged), np.int64, len(merged))
        ids = np.fromiter(chain.from_iterable(merged), np.int32, lengths.sum())
        runs = Ragged(ids, offsets_of(lengths)).take(codes.values)
        return Ragged(runs.values, runs.offsets[codes.offsets])


def check_installed() -> None:
    """Refuse to go on without the package that merges pieces.

    Raises:
        MissingPackageError: It is not installed.
    """
    if find_spec("tokenizers") is None:
        raise MissingPackageError(
            "text.tokens=bpe: expected the package tokenizers, got none; "
            "pip install 'tidegate[bpe]'"
        )


def _checked_merges(merges: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(merges, list) or len(merges) > MOST_MERGES:
        got = f"{len(merges):,}" if isinstance(merges, list) else type(merges).__name__
        raise FormatError(f"merges: expected a list of at most {MOST_MERGES:,} pairs, got {got}")
    known, pairs = set(ALPHABET), set()
    for place, pair in enumerate(merges):
        is_pair = isinstance(pair, list) and len(pair) == 2
        # What is no text is not in the set of pieces; what cannot be in any set is no text.
        if not is_pair or not all(isinstance(part, str) and part in known for part in pair):
            raise FormatError(
                f"merges: expected pairs of bytes or of what earlier merges make, got "
                f"{str(pair)[:60]} at place {place}"
            )
        piece = pair[0] + pair[1]
        if len(piece) > MOST_PIECE_CHARACTERS or tuple(pair) in pairs:
            raise FormatError(
                f"merges: expected every pair once, and pieces of at most "
                f"{MOST_PIECE_CHARACTERS} characters, got {pair} at place {place}"
            )
        known.add(piece)
        pairs.add(tuple(pair))
    return tuple((left, right) for left, right in merges)


def _checked_places(places: Any, num_merges: int) -> tuple[int, ...]:
    is_list = isinstance(places, list) and all(type(place) is int for place in places)
    if not is_list or not all(a < b for a, b in pairwise([-1, *places, num_merges])):
        raise FormatError(
            f"merges: expected unmerged as ascending places among {num_merges:,} merges, got "
            f"{str(places)[:60]}"
        )
    return tuple(places)


def _spell(lines: bytes) -> str:
    """Lines with every byte as its character of the alphabet, and blanks for their ends."""
    return lines.decode("latin-1").translate(_SPELT)
