"""The n-grams of ragged sequences of ids, numbered as the columns of a binary matrix.

N-grams are compared as integers: the code of an n-gram is the index of its first n - 1 ids among
the (n - 1)-grams, times the number of distinct ids, plus the index of its last id. One sort brings
equal n-grams together. All parts of a frequent n-gram are frequent, too, so every order visits only
the positions where the order below kept an n-gram (as the Apriori algorithm does).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class NgramIndex:
    """The n-grams that enough sequences have, and the column of each.

    Columns count from 0: single ids first, then pairs, and so on; within an order they ascend with
    the codes.
    """

    codes: tuple[Integers, ...]
    """The codes of each order, ascending; only the last may be empty. Single ids are their own
    codes; the indices in other codes refer to the order below and to the array of ids."""

    @property
    def num_ngrams(self) -> int:
        """The number of n-grams of all orders: the number of columns."""
        return sum(len(codes) for codes in self.codes)

    @classmethod
    def build(
        cls, sequences: Ragged, *, max_order: int, min_count: int
    ) -> tuple["NgramIndex", Ragged]:
        """Collect the n-grams that at least ``min_count`` sequences have.

        Args:
            sequences: Token ids, none below 0.
            max_order: The length of the longest n-grams, at least 1.
            min_count: At least 1. A sequence counts once, however often the n-gram is in it.

        Returns:
            The index; and for every column the sequences that have its n-gram, ascending, which is
            the binary matrix in compressed sparse columns (CSC).

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
            at, at_codes = walk.next_order()
            order = _order(at_codes)
            at, at_codes = at[order], at_codes[order]
            row = walk.rows[at]
            is_first = _differs(at_codes)
            is_counted = is_first | _differs(row)
            group = np.cumsum(is_first) - 1
            count = np.bincount(group[is_counted])
            is_kept = count >= min_count
            place = np.where(is_kept, np.cumsum(is_kept) - 1, -1)[group]
            codes.append(at_codes[is_first][is_kept])
            rows.append(row[is_counted & (place >= 0)])
            counts.append(count[is_kept])
            walk.settle(at, place, len(codes[-1]))
        offsets = np.cumsum(np.concatenate(counts))
        return cls(tuple(codes)), Ragged(np.concatenate(rows).astype(np.int32), offsets)

    def find(self, sequences: Ragged) -> Ragged:
        """The columns of every sequence's n-grams, ascending, each once.

        N-grams that the index does not have are left out.

        Args:
            sequences: Token ids, none below 0.
        """
        walk = _Walk.over(sequences)
        entries = []
        first_column = 0
        for codes in self.codes:
            at, at_codes = walk.next_order()
            place = np.searchsorted(codes, at_codes)
            place[place == len(codes)] = 0
            is_known = codes[place] == at_codes if len(codes) else np.zeros(len(at), np.bool_)
            at, place = at[is_known], place[is_known]
            entries.append(walk.rows[at] * self.num_ngrams + first_column + place)
            walk.settle(at, place, len(codes))
            first_column += len(codes)
        entry = np.sort(np.concatenate(entries))
        row, column = np.divmod(entry[_differs(entry)], max(self.num_ngrams, 1))
        return Ragged(column.astype(np.int32), np.searchsorted(row, np.arange(len(sequences) + 1)))


class _Walk:
    """Enumerates the n-grams of sequences, order after order."""

    def __init__(self, ids: Integers, rows: Integers) -> None:
        self.rows = rows
        """The sequence that each position belongs to, shape (P,)."""
        self._order = 0
        self._ids = ids
        """The ids; after order 1, their indices in the array of ids, or -1."""
        self._num_ids = 0
        self._places = ids
        """The index of the last order's n-gram that begins at each position; -1 for none."""

    @classmethod
    def over(cls, sequences: Ragged) -> "_Walk":
        ids = sequences.values[sequences.offsets[0] : sequences.offsets[-1]].astype(np.int64)
        if len(ids) and ids.min() < 0:
            raise ValueError(f"NgramIndex: expected ids from 0 on, got {ids.min()}")
        return cls(ids, np.repeat(np.arange(len(sequences)), sequences.lengths()))

    def next_order(self) -> tuple[Integers, Integers]:
        """The positions where n-grams of the next order begin, ascending, and their codes.

        N-grams are left out if :meth:`settle` gave no place to one of their two parts of n - 1 ids.
        """
        self._order += 1
        if self._order == 1:
            return np.arange(len(self._ids)), self._ids
        last = self._order - 1
        size = max(len(self._ids) - last, 0)
        is_kept = (
            (self._places[:size] >= 0)
            & (self._places[1 : size + 1] >= 0)
            & (self.rows[:size] == self.rows[last : last + size])
        )
        at = np.flatnonzero(is_kept)
        return at, self._places[at] * self._num_ids + self._ids[at + last]

    def settle(self, at: Integers, places: Integers, num_ngrams: int) -> None:
        """Set the places of the current order's n-grams.

        Args:
            at: Positions where n-grams begin.
            places: The index of the n-gram at each position; -1 for one that is left out.
            num_ngrams: The number of different n-grams.
        """
        self._places = np.full(len(self._ids), -1)
        self._places[at] = places
        if self._order == 1:
            self._ids, self._num_ids = self._places, num_ngrams


def _order(codes: Integers) -> Integers:
    """The permutation that sorts codes; equal codes stay in their order."""
    bits = max(len(codes) - 1, 0).bit_length()
    if not len(codes) or int(codes.max()) >> (63 - bits):
        return np.argsort(codes, kind="stable")
    # np.sort is four times as fast as np.argsort, so code and index are packed into one integer.
    packed = np.sort(codes << bits | np.arange(len(codes)))
    return packed & ((1 << bits) - 1)


def _differs(values: Integers) -> NDArray[np.bool_]:
    """Whether each value differs from the one before it; true for the first."""
    is_new = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=is_new[1:])
    return is_new
