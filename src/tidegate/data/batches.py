"""Batches of examples of similar length, in an order that depends on (seed, epoch) alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged
from tidegate.seeding import permutation

Rows = NDArray[np.int64]
"""Indices of examples, shape (number of examples,)."""

WINDOW = 50
"""Number of batches whose examples are sorted by length together: enough to make the lengths in a
batch nearly equal, few enough for batches that differ from epoch to epoch."""


@dataclass(frozen=True)
class Batch:
    """Some sequences of ids, one after the other, and their distinct ids."""

    ids: NDArray[np.int64]
    """All ids, shape (P,), where P is the sum of the lengths."""
    offsets: NDArray[np.int64]
    """Where each sequence begins, and the end of the last; shape (N + 1,)."""
    rows: Rows
    """Indices of these examples, shape (N,)."""
    distinct: NDArray[np.int64]
    """The distinct ids, ascending; shape (K,)."""
    slots: NDArray[np.int64]
    """The index in ``distinct`` of every id: ``distinct[slots]`` are the ids; shape (P,)."""

    def __len__(self) -> int:
        return len(self.rows)


def make_batch(sequences: Ragged, rows: Rows) -> Batch:
    """The batch of some sequences; of a memory map, only these are read."""
    return as_batch(sequences.take(rows), rows)


def as_batch(taken: Ragged, rows: Rows | None = None) -> Batch:
    """The batch of sequences that were taken already, those of some ``rows``."""
    ids = taken.values.astype(np.int64)
    # Tables over all ids up to the largest are far cheaper than np.unique, which sorts.
    occurs = np.zeros(ids.max(initial=-1) + 1, np.bool_)
    occurs[ids] = True
    distinct = np.flatnonzero(occurs)
    number = np.empty(len(occurs), np.int64)  # only the entries of ids that occur are set, and read
    number[distinct] = np.arange(len(distinct))
    numbers = np.arange(len(taken)) if rows is None else np.asarray(rows)
    return Batch(ids, taken.offsets, numbers, distinct, number[ids])


def epoch_batches(
    lengths: NDArray[np.int64],
    batch_size: int,
    seed: int,
    epoch: int,
    *,
    window: int = WINDOW,
    max_tokens: int | None = None,
) -> list[Rows]:
    """Random batches of all examples, each once, with similar lengths in a batch.

    The examples are permuted, each window of them is sorted by length and cut into batches, and
    the batches of all windows are permuted.

    Args:
        lengths: Lengths of all examples, shape (number of examples,).
        batch_size: N, the examples of a batch; the last of a window may have fewer.
        seed, epoch: The permutations depend on these alone.
        window: Number of batches sorted together, but at most a quarter of all: few examples,
            sorted all together, would form the same batches in every epoch.
        max_tokens: Upper bound on the sum of the lengths in a batch; an example that is longer
            by itself is a batch of its own.

    Returns:
        The rows of each batch, the shortest example first.
    """
    order = permutation(len(lengths), seed, "order of examples", epoch)
    size = min(window, max(len(lengths) // (4 * batch_size), 1)) * batch_size
    batches = [
        batch
        for start in range(0, len(order), size)
        for batch in _by_length(lengths, order[start : start + size], batch_size, max_tokens)
    ]
    return [batches[index] for index in permutation(len(batches), seed, "order of batches", epoch)]


def ordered_batches(
    lengths: NDArray[np.int64], batch_size: int, *, max_tokens: int | None = None
) -> list[Rows]:
    """Batches of all examples from the shortest to the longest, for evaluation.

    Results return to the examples' order by ``result[rows] = ...`` for each batch.
    """
    return _by_length(lengths, np.arange(len(lengths)), batch_size, max_tokens)


def _by_length(
    lengths: NDArray[np.int64], rows: Rows, batch_size: int, max_tokens: int | None
) -> list[Rows]:
    ordered = rows[np.argsort(lengths[rows], kind="stable")]
    if max_tokens is None:
        return [ordered[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    tokens_up_to = np.cumsum(lengths[ordered])
    batches = []
    start = tokens_before = 0
    while start < len(ordered):
        fits = int(np.searchsorted(tokens_up_to, tokens_before + max_tokens, side="right"))
        end = max(min(fits, start + batch_size), start + 1)
        batches.append(ordered[start:end])
        start, tokens_before = end, int(tokens_up_to[end - 1])
    return batches
