"""Labelled series of the user's that are in memory, as a data set without a test part."""

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from tidegate.data.prepared import num_trained_on
from tidegate.data.series.dataset import SeriesDataset, SeriesSplit, in_order_of_hashes
from tidegate.data.series.series_set import SeriesSet
from tidegate.task import Task


def series_in_memory(
    name: str,
    series: SeriesSet,
    targets: NDArray[Any],
    task: Task,
    *,
    validation_share: float,
) -> SeriesDataset:
    """Order series as those of files are, and hold none of them out for a test.

    The validation part is chosen by hashes of the values, class by class, with copies of a series
    kept together; it stands in for the test part.

    Args:
        name: For messages.
        series: At least two, in any order.
        targets: As ``task`` describes.
        validation_share: The recipe's share of series that validate.

    Raises:
        DataError: Too few series for both a training and a validation part.
    """
    rows, units = in_order_of_hashes(SeriesSplit(series, targets), task)
    dataset = SeriesDataset(
        name=name,
        source=f"{len(rows):,} series in memory",
        train=rows,
        test=rows,
        task=task,
        units=units,
        test_is_validation=True,
    )
    start = num_trained_on(dataset, validation_share, None)
    return replace(dataset, test=rows.take(slice(start, None)))
