"""Ragged arrays: sequences of unequal length as a flat array and offsets, as lists in Arrow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_COUNTED_AT_ONCE = 1 << 20
"""Ids that are counted at once, so that little of a memory map is in memory."""


@dataclass(frozen=True)
class Ragged:
    """A list of sequences, of token ids or of numbers."""

    values: NDArray[Any]
    """All steps, sequence after sequence, where P is the sum of the lengths: ids, int32, (P,); or I
    numbers at every step, (P, I). May be a memory map."""
    offsets: NDArray[np.int64]
    """Where each sequence begins, and the end of the last; shape (number of sequences + 1,)."""

    @classmethod
    def from_rows(cls, rows: Iterable[Iterable[int]]) -> "Ragged":
        """The ragged array of some sequences of ids."""
        arrays = [np.fromiter(row, np.int32) for row in rows]
        offsets = offsets_of([len(array) for array in arrays])
        return cls(np.concatenate([np.empty(0, np.int32), *arrays]), offsets)

    @classmethod
    def concatenate(cls, parts: Sequence["Ragged"]) -> "Ragged":
        """The sequences of several lists, one list after the other."""
        values = [part.values[part.offsets[0] : part.offsets[-1]] for part in parts]
        lengths = [np.empty(0, np.int64), *(part.lengths() for part in parts)]
        empty = values[0][:0] if values else np.empty(0, np.int32)
        return cls(np.concatenate([empty, *values]), offsets_of(np.concatenate(lengths)))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        if not -len(self) <= row < len(self):
            raise IndexError(f"Ragged: expected a row of {len(self)}, got {row}")
        row %= len(self)
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def lengths(self) -> NDArray[np.int64]:
        """The length of every sequence, shape (number of sequences,)."""
        return np.diff(self.offsets)

    def counts(self, num_ids: int) -> NDArray[np.int64]:
        """The number of occurrences of each id, shape (num_ids,); a memory map is read in parts."""
        first, last = int(self.offsets[0]), int(self.offsets[-1])
        counts = np.zeros(num_ids, np.int64)
        for start in range(first, last, _COUNTED_AT_ONCE):
            part = self.values[start : min(start + _COUNTED_AT_ONCE, last)]
            counts += np.bincount(part, minlength=num_ids)
        return counts

    def take(self, rows: Any) -> "Ragged":
        """The sequences of some rows, in their order, as new arrays.

        Args:
            rows: Row numbers, shape (number of rows,), or a slice.

        Raises:
            IndexError: There is no such row.
        """
        if isinstance(rows, slice):
            rows = np.arange(len(self))[rows]
        starts = self.offsets[:-1][rows]
        return self._gather(starts, self.offsets[1:][rows] - starts)

    def last(self, count: int) -> "Ragged":
        """The last ``count`` steps of every sequence, or all where there are fewer."""
        lengths = np.minimum(self.lengths(), count)
        return self._gather(self.offsets[1:] - lengths, lengths)

    def _gather(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> "Ragged":
        offsets = offsets_of(lengths)
        places = np.arange(offsets[-1])
        places += np.repeat(starts - offsets[:-1], lengths)
        return Ragged(np.asarray(self.values[places]), offsets)


def offsets_of(lengths: Any) -> NDArray[np.int64]:
    """Where sequences of these lengths begin, and the end of the last; shape (number + 1,)."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def pad_front(sequences: Ragged, length: int, padding: int = 0) -> NDArray[np.int64]:
    """The last ``length`` ids of every sequence, with padding before the short ones.

    Returns:
        Shape (number of sequences, length): what Keras' ``pad_sequences`` gives by default.
    """
    kept = sequences.last(length)
    padded = np.full((len(kept), length), padding, np.int64)
    padded[np.arange(length) >= length - kept.lengths()[:, None]] = kept.values
    return padded
