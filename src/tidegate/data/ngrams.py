"""The n-grams of ragged sequences of ids, numbered as the columns of a binary matrix.

An n-gram is told by arithmetic, never by its text: its code is the place of its first n - 1 ids
among the (n - 1)-grams, times the number of distinct ids, plus the place of its last id. One sort
brings equal n-grams together. And an n-gram that enough sequences have is made of shorter ones
that they have too, so each order looks only where the order before it found something.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class NgramIndex:
    """The n-grams that enough sequences have, each with its column.

    Columns count from 0: the single ids first, then the pairs, and so on, and in one order as
    their codes do.
    """

    codes: tuple[Integers, ...]
    """One ascending array for each order, none empty before the last: the ids themselves, then
    codes as above, whose places count in the array of the order before and in that of the ids."""

    @property
    def num_ngrams(self) -> int:
        """Of all orders together: the number of columns."""
        return sum(len(codes) for codes in self.codes)

    @classmethod
    def build(
        cls, sequences: Ragged, *, max_order: int, min_count: int
    ) -> tuple["NgramIndex", Ragged]:
        """Collect the n-grams that at least ``min_count`` sequences have.

        Args:
            sequences: Ids, none below 0.
            max_order: The length of the longest n-grams, at least 1.
            min_count: At least 1. A sequence counts once, however often it has the n-gram.

        Returns:
            The index; and for every column the sequences that have its n-gram, ascending: the
            binary matrix in compressed columns.

        Raises:
            ValueError: An argument is out of its range.
        """
        if max_order < 1 or min_count < 1:
            raise ValueError(
                "NgramIndex: expected max_order and min_count of at least 1, got "
                f"{max_order} and {min_count}"
            )
        walk = _Walk.over(sequences)
        codes, rows, counts = [], [], [np.zeros(1, np.int64)]
        for _ in range(max_order):
            at, found = walk.next_order()
            order = _order(found)
            at, found = at[order], found[order]
            row = walk.rows[at]
            is_first = _differs(found)
            is_counted = is_first | _differs(row)
            group = np.cumsum(is_first) - 1
            count = np.bincount(group[is_counted])
            is_kept = count >= min_count
            place = np.where(is_kept, np.cumsum(is_kept) - 1, -1)[group]
            codes.append(found[is_first][is_kept])
            rows.append(row[is_counted & (place >= 0)])
            counts.append(count[is_kept])
            walk.settle(at, place, len(codes[-1]))
        offsets = np.cumsum(np.concatenate(counts))
        return cls(tuple(codes)), Ragged(np.concatenate(rows).astype(np.int32), offsets)

    def find(self, sequences: Ragged) -> Ragged:
        """The columns of every sequence's n-grams, each once and ascending.

        N-grams that the index does not have are passed over.

        Args:
            sequences: Ids, none below 0.
        """
        walk = _Walk.over(sequences)
        entries = []
        first_column = 0
        for codes in self.codes:
            at, found = walk.next_order()
            place = np.searchsorted(codes, found)
            place[place == len(codes)] = 0
            is_known = codes[place] == found if len(codes) else np.zeros(len(found), np.bool_)
            at, place = at[is_known], place[is_known]
            entries.append(walk.rows[at] * self.num_ngrams + first_column + place)
            walk.settle(at, place, len(codes))
            first_column += len(codes)
        entry = np.sort(np.concatenate(entries))
        row, column = np.divmod(entry[_differs(entry)], max(self.num_ngrams, 1))
        return Ragged(column.astype(np.int32), np.searchsorted(row, np.arange(len(sequences) + 1)))


class _Walk:
    """The n-grams of sequences, order after order."""

    def __init__(self, ids: Integers, rows: Integers) -> None:
        self.rows = rows
        """Which sequence each position belongs to, shape (P,)."""
        self._order = 0
        self._ids = ids
        """At first the ids, then their places."""
        self._num_ids = 0
        self._places = ids
        """Of the n-gram of the last order that begins at each position; -1 where there is none."""

    @classmethod
    def over(cls, sequences: Ragged) -> "_Walk":
        ids = sequences.values[sequences.offsets[0] : sequences.offsets[-1]].astype(np.int64)
        if len(ids) and ids.min() < 0:
            raise ValueError(f"NgramIndex: expected ids from 0 on, got {ids.min()}")
        return cls(ids, np.repeat(np.arange(len(sequences)), sequences.lengths()))

    def next_order(self) -> tuple[Integers, Integers]:
        """Where n-grams of the next order begin, ascending, and their codes.

        Of those only whose two parts of n - 1 ids were settled with a place.
        """
        self._order += 1
        if self._order == 1:
            return np.arange(len(self._ids)), self._ids
        last = self._order - 1
        size = max(len(self._ids) - last, 0)
        is_one = (
            (self._places[:size] >= 0)
            & (self._places[1 : size + 1] >= 0)
            & (self.rows[:size] == self.rows[last : last + size])
        )
        at = np.flatnonzero(is_one)
        return at, self._places[at] * self._num_ids + self._ids[at + last]

    def settle(self, at: Integers, places: Integers, num_ngrams: int) -> None:
        """Say which place the n-grams that begin ``at`` positions have, of how many."""
        self._places = np.full(len(self._ids), -1)
        self._places[at] = places
        if self._order == 1:
            self._ids, self._num_ids = self._places, num_ngrams


def _order(codes: Integers) -> Integers:
    """The permutation that sorts codes and leaves equal ones as they stand."""
    bits = max(len(codes) - 1, 0).bit_length()
    if not len(codes) or int(codes.max()) >> (63 - bits):
        return np.argsort(codes, kind="stable")
    # Sorting numbers is four times faster than sorting their indices; so both go into one number.
    packed = np.sort(codes << bits | np.arange(len(codes)))
    return packed & ((1 << bits) - 1)


def _differs(values: Integers) -> NDArray[np.bool_]:
    """Where a value is not the one before it; true for the first."""
    is_new = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=is_new[1:])
    return is_new
