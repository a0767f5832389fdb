"""Texts in blocks: what tokenisers work on at once."""

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError

BLOCK_CHARACTERS = 1 << 20
"""Characters of text worked on at once: small enough to stay in the processor's cache."""

MAX_BLOCK_BYTES = (1 << 31) - 1
"""What the offsets of an Arrow string array can count."""


def blocks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Some texts at a time, in order: as many as have :data:`BLOCK_CHARACTERS` characters."""
    start = size = 0
    for end, text in enumerate(texts, 1):
        size += len(text)
        if size >= BLOCK_CHARACTERS:
            yield texts[start:end]
            start, size = end, 0
    if start < len(texts):
        yield texts[start:]


def encode(text: str) -> bytes:
    """A text in UTF-8.

    Raises:
        DataError: It holds half a surrogate pair.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"split: expected texts of whole characters, got half a surrogate pair at position "
            f"{error.start} of {text[:40]!r}...; read the file as UTF-8"
        ) from error


def check_countable(num_bytes: int) -> None:
    """Refuse a block whose bytes Arrow cannot count.

    Raises:
        DataError: One of its texts is too long.
    """
    if num_bytes > MAX_BLOCK_BYTES:
        raise DataError(
            f"split: expected texts of less than 2 GB, got {num_bytes:,} bytes; cut the longest"
        )


def normalise(text: str) -> str:
    """A text in Unicode NFC, each run of white space as one blank, none at its ends.

    A letter and the marks on it become one character where Unicode has one.
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def code_points(texts: Sequence[str]) -> NDArray[np.uint32]:
    """The characters of texts, one text after the other, as Unicode's numbers.

    Raises:
        DataError: A text holds half a surrogate pair.
    """
    try:
        return np.frombuffer("".join(texts).encode("utf-32-le"), "<u4")
    except UnicodeEncodeError:
        for text in texts:
            encode(text)
        raise


def distinct_numbers(numbers: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """The distinct values of small numbers, ascending, and the place there of every number.

    Linear, where ``numpy.unique`` sorts.

    Args:
        numbers: None below 0; a table of the largest is made.
    """
    occurs = np.zeros(int(numbers.max(initial=0)) + 1, np.bool_)
    occurs[numbers] = True
    places = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(occurs), places[numbers]
