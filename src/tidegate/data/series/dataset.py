"""Labelled series with a training and a test part."""

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tidegate.data.audio.front_end import FrontEnd
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.series_set import SeriesSet
from tidegate.data.split import split_by_hash, strata_of
from tidegate.task import Task


@dataclass(frozen=True)
class SeriesSplit:
    """Series and their labels, in a fixed order."""

    series: SeriesSet
    labels: NDArray[Any]
    """The targets, as :class:`~tidegate.task.Task` describes: (number of series, ...)."""

    def __len__(self) -> int:
        return len(self.series)

    def first(self, count: int) -> "SeriesSplit":
        """The first ``count`` series, or all where there are fewer."""
        return self.take(slice(count))

    def take(self, rows: Any) -> "SeriesSplit":
        """Some of the series, with their labels."""
        return SeriesSplit(self.series.take(rows), self.labels[rows])

    def fingerprint(self) -> str:
        """SHA-256 over series, labels and their order."""
        digest = hashlib.sha256(self.series.fingerprint().encode())
        digest.update(np.ascontiguousarray(self.labels).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class SeriesDataset:
    """A data set of series with its training and its test part."""

    name: str
    source: str
    """Where it came from, and how its test part was made: a sentence for the user."""
    train: SeriesSplit
    test: SeriesSplit
    task: Task
    columns: SeriesColumns | None = None
    """The columns of the user's files."""
    units: NDArray[np.int64] | None = None
    """For each training series the unit it belongs to, (number of training series,): series of one
    stand side by side, and either train or validate."""
    num_validation: int | None = None
    """The last so many training series are the validation part; None for a share of them."""
    front_end: FrontEnd | None = None
    """What computed the frames, where the series are recordings."""
    notes: tuple[str, ...] = ()
    """What the user should know about the data, a sentence each."""
    test_is_validation: bool = False
    """Whether nothing is held out for a test: the test part is the validation part once more."""
    rows: ClassVar[str] = "series"
    """What the examples are called in messages."""


def in_order_of_hashes(split: SeriesSplit, task: Task) -> tuple[SeriesSplit, NDArray[np.int64]]:
    """A training part in a fixed order in which every end of it has the classes in proportion.

    Returns:
        The series in that order, and the unit of each, as in :class:`SeriesDataset`: copies of a
        series are one unit.
    """
    strata = strata_of(split.labels, task.has_one_class)
    order = split_by_hash(split.series.hashes(), strata, 0.0)
    return split.take(order.train), order.units
