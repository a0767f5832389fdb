"""Batches of examples of similar length, each a function of (seed, epoch)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged
from tidegate.seeding import permutation

Rows = NDArray[np.int64]
"""Which examples, shape (number of examples,)."""

WINDOW = 50
"""Batches of examples that are sorted by length together: many enough that a batch's lengths are
nearly equal, few enough that each epoch mixes the examples anew."""


@dataclass(frozen=True)
class Batch:
    """Some sequences of ids, one after the other, and the distinct ids among them."""

    ids: NDArray[np.int64]
    """Shape (P,), P the sum of the lengths."""
    offsets: NDArray[np.int64]
    """Where each sequence begins, and the end of the last; shape (N + 1,)."""
    rows: Rows
    """Which examples these are, shape (N,)."""
    distinct: NDArray[np.int64]
    """The distinct ids, ascending; shape (K,)."""
    slots: NDArray[np.int64]
    """``distinct[slots]`` are the ids; shape (P,)."""

    def __len__(self) -> int:
        return len(self.rows)


def make_batch(sequences: Ragged, rows: Rows) -> Batch:
    """The batch of some sequences; of a memory map, only theirs are read."""
    taken = sequences.take(rows)
    ids = taken.values.astype(np.int64)
    # Tables over all ids up to the largest: far cheaper than sorting the positions.
    occurs = np.zeros(ids.max(initial=-1) + 1, np.bool_)
    occurs[ids] = True
    distinct = np.flatnonzero(occurs)
    number = np.empty(len(occurs), np.int64)  # read for the ids that occur alone
    number[distinct] = np.arange(len(distinct))
    return Batch(ids, taken.offsets, np.asarray(rows), distinct, number[ids])


def epoch_batches(
    lengths: NDArray[np.int64],
    batch_size: int,
    seed: int,
    epoch: int,
    *,
    window: int = WINDOW,
    max_tokens: int | None = None,
) -> list[Rows]:
    """Every example once, in batches of similar length, in a random order.

    The examples are permuted, each window of them is sorted by length and cut into batches, and
    the batches of all windows are permuted.

    Args:
        lengths: Of all examples, shape (number of examples,).
        batch_size: Examples of a batch, N; the last of a window may have fewer.
        seed, epoch: What the permutations depend on, and nothing else.
        window: Number of batches sorted together, but never more than a quarter of them all: few
            examples, sorted as one, would make the same batches in every epoch.
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
    """Every example once, from the shortest to the longest, for evaluation.

    What is computed of a batch belongs to its rows: ``result[rows] = ...``.
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
