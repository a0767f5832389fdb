"""Texts cut into runs of letters and single marks: what byte pairs are merged within."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.data.text_blocks import (
    blocks,
    check_countable,
    code_points,
    distinct_numbers,
    normalise,
)

MOST_RUN_CHARACTERS = 32
"""A longer run of letters is cut: merging within a run takes time that grows with its length."""


@dataclass(frozen=True)
class Runs:
    """The runs of some texts, laid out as Arrow lays out strings."""

    characters: NDArray[np.uint8]
    """All runs in UTF-8, one after the other."""
    offsets: NDArray[np.int32]
    """Where each run begins, and the end of the last."""
    lengths: NDArray[np.int64]
    """How many runs each text has."""

    def lines(self) -> bytes:
        """The runs with a line's end behind each."""
        num_runs = len(self.offsets) - 1
        lines = np.full(len(self.characters) + num_runs, ord("\n"), np.uint8)
        of_run = np.repeat(np.arange(num_runs), np.diff(self.offsets))
        lines[np.arange(len(self.characters)) + of_run] = self.characters
        return lines.tobytes()


def runs(texts: Sequence[str]) -> Iterator[Runs]:
    """The runs of texts, block by block.

    Raises:
        DataError: A text holds half a surrogate pair, or one block has 2 GB.
    """
    for block in blocks(texts):
        normalised = [normalise(text) for text in block]
        # Words are spelt alike at the beginning of a text and within it: with a blank.
        yield _cut([f" {text}" if text else "" for text in normalised])


def _cut(texts: Sequence[str]) -> Runs:
    """Cut texts before blanks, and around marks: punctuation and symbols."""
    points = code_points(texts)
    is_blank, is_mark = points == ord(" "), _are_marks(points)
    before_blank = np.concatenate([[False], is_blank[:-1]])[: len(points)]
    after_mark = np.concatenate([[False], is_mark[:-1]])[: len(points)]
    begins = is_blank | (~before_blank & (is_mark | after_mark))
    places = np.arange(len(points))
    begun = np.maximum.accumulate(np.where(begins, places, 0))
    begins |= (places - begun) % MOST_RUN_CHARACTERS == 0
    widths = 1 + (points >= 0x80) + (points >= 0x800) + (points >= 0x10000)
    ends = np.cumsum(widths)
    check_countable(int(ends[-1]) if len(ends) else 0)
    characters = np.frombuffer("".join(texts).encode(), np.uint8)
    starts = (ends - widths)[begins]
    text_ends = np.cumsum([len(text) for text in texts])
    runs_before = np.searchsorted(np.flatnonzero(begins), text_ends)
    return Runs(
        characters,
        np.append(starts, len(characters)).astype(np.int32),
        np.diff(runs_before, prepend=0),
    )


def _are_marks(points: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which characters are punctuation or symbols."""
    distinct, places = distinct_numbers(points)
    marks = [unicodedata.category(chr(point))[0] in "PS" for point in distinct.tolist()]
    return np.array(marks, np.bool_)[places]
