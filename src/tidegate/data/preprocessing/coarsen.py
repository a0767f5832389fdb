"""Long series on a coarser clock: the mean of several steps becomes one step."""

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.series.series_set import SeriesSet


def coarsen(series: SeriesSet, stride: int) -> SeriesSet:
    """Replace every ``stride`` steps of a series by their mean.

    The last step is the mean of those that are left, so that no value is lost. The result for a
    series does not depend on the others.

    Args:
        series: The series; a missing value is left out of the mean, and is missing where all of
            them are.
        stride: Steps that become one; with 1 the series are returned as they are.

    Returns:
        The series with ceil(length / stride) steps each; the time of a step is that of the last of
        the steps it stands for.
    """
    if stride == 1:
        return series
    first = int(series.values.offsets[0])
    offsets = series.values.offsets - first
    values = series.values.values[first : first + offsets[-1]]
    lengths = np.diff(offsets)
    counts = -(-lengths // stride)
    coarse = offsets_of(counts)
    # Where each group of steps begins, and where the last one of it is, (number of groups,).
    place = np.arange(coarse[-1]) - np.repeat(coarse[:-1], counts)
    starts = np.repeat(offsets[:-1], counts) + stride * place
    lasts = np.minimum(starts + stride, np.repeat(offsets[1:], counts)) - 1
    times = None if series.times is None else series.times[first + lasts]
    means = _means(values, starts, lasts, stride)
    return SeriesSet(Ragged(means, coarse), series.channels, times, series.ids)


def _means(
    values: NDArray[np.float32], starts: NDArray[np.int64], lasts: NDArray[np.int64], stride: int
) -> NDArray[np.float32]:
    """The mean of the values that are there from each start to each last step, (groups, I)."""
    totals = np.zeros((len(starts), values.shape[1]))
    counts = np.zeros((len(starts), values.shape[1]), np.int64)
    for number in range(stride):
        rows = starts + number <= lasts
        one = values[starts[rows] + number].astype(np.float64)
        is_there = ~np.isnan(one)
        totals[rows] += np.where(is_there, one, 0)
        counts[rows] += is_there
    means = np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)
    return means.astype(np.float32)
