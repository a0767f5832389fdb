"""Rows into a training and a test part by hashes: fixed, stratified, duplicates kept together."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import offsets_of


@dataclass(frozen=True)
class HashSplit:
    """Which rows train and which are held out."""

    train: NDArray[np.int64]
    """The numbers of the training rows, in an order of which every part from a row on, or up to
    one, holds the classes in their proportion."""
    units: NDArray[np.int64]
    """The unit of each training row, (number of training rows,): rows of one stand side by side."""
    test: NDArray[np.int64]
    """The numbers of the rows held out."""


def same_text(text: str) -> str:
    """What two texts have in common that differ in case and blanks alone."""
    return " ".join(text.casefold().split())


def hash_of(key: str) -> int:
    """The first 64 bits of the SHA-256 of a key, by which units are told apart and ordered."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")


def split_by_hash(
    keys: NDArray[np.uint64], strata: NDArray[np.int64], test_share: float
) -> HashSplit:
    """Hold a share of the rows out, the same ones in every run and on every machine.

    Rows with the same key are a unit, which is never divided. Units are taken in the order of
    their keys, from each class until it has given its share; a unit belongs to the class that
    most of its rows have. A class of two units or more keeps one and gives one.

    Args:
        keys: Of each row the hash of what must not be divided, its text or its group, (N,).
        strata: The class of each row, (N,); zeros where there are none.
        test_share: The share to hold out, from 0 on and below 1.
    """
    # Units are numbered in the order of their hashes.
    distinct, units = np.unique(keys, return_inverse=True)
    sizes = np.bincount(units, minlength=len(distinct))
    classes = _majorities(units, strata, len(distinct))
    is_test = np.zeros(len(distinct), np.bool_)
    place = np.empty(len(distinct))
    for stratum in np.unique(classes):
        own = np.flatnonzero(classes == stratum)
        is_test[own[_taken(sizes[own], test_share)]] = True
        kept = own[~is_test[own]]
        # Where in its class a unit stands, from 0 to 1: sorted by it, classes are mixed evenly.
        ends = np.cumsum(sizes[kept])
        place[kept] = (ends - sizes[kept] / 2) / max(ends[-1:].sum(), 1)
    train, test = np.flatnonzero(~is_test[units]), np.flatnonzero(is_test[units])
    train = train[np.lexsort((units[train], place[units[train]]))]
    return HashSplit(train, units[train], test)


def joined(keys: NDArray[np.uint64], groups: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Keys of rows that are one unit if their texts or their groups are the same, (N,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    texts, text_of = np.unique(keys, return_inverse=True)
    group_keys, group_of = np.unique(groups, return_inverse=True)
    size = len(texts) + len(group_keys)
    places = (text_of, len(texts) + group_of)
    edges = coo_array((np.ones(len(keys), np.int8), places), shape=(size, size))
    _, component = connected_components(edges, directed=False)
    # Each component has the least hash of its groups: no other row has a say in it.
    least = np.full(component.max() + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(least, component[len(texts) :], group_keys)
    key: NDArray[np.uint64] = least[component[len(texts) + group_of]]
    return key


def _taken(sizes: NDArray[np.int64], share: float) -> list[int]:
    """Which units, in their order, make up the share of the rows; too large ones are passed by."""
    wanted = round(share * int(sizes.sum()))
    if share and len(sizes) > 1:
        wanted = min(max(wanted, 1), int(sizes.sum()) - 1)
    taken: list[int] = []
    count = 0
    for number, size in enumerate(sizes.tolist()):
        if count + size <= wanted:
            taken.append(number)
            count += size
    if not taken and wanted and len(sizes) > 1:
        taken.append(int(sizes.argmin()))
    return taken


def _majorities(
    units: NDArray[np.int64], strata: NDArray[np.int64], num_units: int
) -> NDArray[np.int64]:
    """The class that most rows of each unit have, the lowest of equals."""
    pairs, counts = np.unique(np.stack([units, strata]), axis=1, return_counts=True)
    order = np.lexsort((pairs[1], -counts, pairs[0]))
    starts = offsets_of(np.bincount(pairs[0], minlength=num_units))[:-1]
    majorities: NDArray[np.int64] = pairs[1][order][starts]
    return majorities


def strata_of(targets: NDArray[Any], has_one_class: bool) -> NDArray[np.int64]:
    """The class of each row, by which a split is stratified; zeros where rows have no one class."""
    return targets.astype(np.int64) if has_one_class else np.zeros(len(targets), np.int64)
