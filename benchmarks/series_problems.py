"""Four small sets of series that Python packages bring along, for `series.py`."""

from dataclasses import replace

import numpy as np
from sklearn.model_selection import train_test_split

from tidegate.data import sources
from tidegate.data.series import SeriesDataset, SeriesSplit
from tidegate.data.series.dataset import in_order_of_hashes
from tidegate.data.sources import spoken_digits

SPLIT_BY_SEED = spoken_digits.NAME
"""The set that has no test part of its own."""
PROBLEMS = ("japanese-vowels", SPLIT_BY_SEED, "pickup-gestures", "basic-motions")


def problem(name: str, seed: int, *, inner: bool = False) -> SeriesDataset:
    """A set with its training and its test part.

    Args:
        name: One of :data:`PROBLEMS`.
        seed: Of the split, where the set has none of its own.
        inner: Whether the test part is a fifth of the training part, drawn by the seed: to choose
            values by.
    """
    data = sources.load_series(name)
    if name == SPLIT_BY_SEED:
        data = _split(data, spoken_digits.everything(), seed)
    return _split(data, data.train, seed) if inner else data


def _split(data: SeriesDataset, whole: SeriesSplit, seed: int) -> SeriesDataset:
    """The data set with other parts: a fifth of each class's series, drawn by the seed, tests."""
    train, test = train_test_split(
        np.arange(len(whole)), test_size=0.2, random_state=seed, stratify=whole.labels
    )
    ordered, units = in_order_of_hashes(whole.take(np.sort(train)), data.task)
    return replace(data, train=ordered, test=whole.take(np.sort(test)), units=units)
