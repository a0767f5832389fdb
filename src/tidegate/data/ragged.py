"""Sequences of unequal length as one flat array and its offsets, as Arrow lays out lists."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ragged:
    """A list of sequences of ids."""

    values: NDArray[np.int32]
    """All ids, sequence after sequence; shape (sum of the lengths,)."""
    offsets: NDArray[np.int64]
    """Where each sequence begins, and the end of the last; shape (number of sequences + 1,)."""

    @classmethod
    def from_rows(cls, rows: Iterable[Iterable[int]]) -> "Ragged":
        """Lay out sequences one after the other."""
        arrays = [np.fromiter(row, np.int32) for row in rows]
        offsets = np.zeros(len(arrays) + 1, np.int64)
        np.cumsum([len(array) for array in arrays], out=offsets[1:])
        return cls(np.concatenate(arrays) if arrays else np.empty(0, np.int32), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def lengths(self) -> NDArray[np.int64]:
        """Shape (number of sequences,)."""
        return np.diff(self.offsets)


def pad_front(sequences: Ragged, length: int, padding: int = 0) -> NDArray[np.int64]:
    """The last ``length`` ids of every sequence, with padding before the short ones.

    Returns:
        Shape (number of sequences, length): what Keras' ``pad_sequences`` gives by default.
    """
    padded = np.full((len(sequences), length), padding, np.int64)
    for row in range(len(sequences)):
        last = sequences[row][-length:]
        padded[row, length - len(last) :] = last
    return padded
