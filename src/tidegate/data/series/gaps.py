"""Gaps in regular times: the steps that are not there become missing values."""

import numpy as np

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import DataError

MOST_FILLED = 10
"""A series may become so many times as long."""
UNEVEN = 0.25
"""A step is uneven where it is further than this from a whole number of median steps."""
MOST_UNEVEN = 0.01


def fill_gaps(series: SeriesSet, num_known: int = 0) -> tuple[SeriesSet, tuple[str, ...]]:
    """Add the steps that are missing between others, without values.

    Where more than one step in a hundred is no whole number of median steps long, times are
    irregular: steps are taken as they come.

    Args:
        series: With times, or nothing is filled.
        num_known: The last channels that are covariates known ahead: at a step that is added, they
            are those of the step before.

    Returns:
        The series, and notes for the user.

    Raises:
        DataError: A gap is so long that the series would become ten times as long.
    """
    if series.times is None or series.num_steps < 2:
        return series, ()
    times = Ragged(series.times, series.values.offsets)
    differences = [np.diff(times[row]) for row in range(len(series))]
    steps = np.concatenate([np.empty(0), *differences])
    if not len(steps):
        return series, ()
    median = float(np.median(steps))
    counts = np.maximum(np.rint(steps / median), 1).astype(np.int64)
    uneven = np.abs(steps / median - counts) > UNEVEN
    if uneven.mean() > MOST_UNEVEN:
        return series, (
            f"times are irregular ({uneven.mean():.1%} of the steps are no multiple of the median "
            "one): steps are taken as they come",
        )
    if (counts == 1).all():
        return series, ()
    if counts.sum() > MOST_FILLED * len(counts):
        longest = int(counts.argmax())
        raise DataError(
            f"series: expected times in steps of about {median:g}, got gaps of "
            f"{int(counts.sum() - len(counts)):,} steps in all, the longest of "
            f"{int(counts[longest]):,}; cut the series where they are"
        )
    carried = "; what is known ahead is carried forward there" * (num_known > 0)
    return _filled(series, differences, median, num_known), (
        f"{int((counts > 1).sum()):,} gaps in time of {int((counts - 1).sum()):,} steps in all are "
        f"filled with missing values{carried}",
    )


def fill_gaps_by_step(series: SeriesSet, step: float, num_known: int = 0) -> SeriesSet:
    """Add the steps that are missing, each series by itself, so that none depends on others.

    The steps of a series stay where more than one in a hundred is no whole number of ``step`` long.

    Args:
        series: With times, or nothing is filled.
        step: The time between two steps, as in a model's training; 0 where it had no times.
        num_known: As of :func:`fill_gaps`.

    Raises:
        DataError: A gap is so long that a series would become ten times as long.
    """
    if series.times is None or not step:
        return series
    differences = []
    for row in range(len(series)):
        gaps = np.diff(np.asarray(series.times_of(row)))
        counts = np.maximum(np.rint(gaps / step), 1)
        is_uneven = np.abs(gaps / step - counts) > UNEVEN
        if len(gaps) and is_uneven.mean() > MOST_UNEVEN:
            gaps = np.full(len(gaps), step)
        elif counts.sum() > MOST_FILLED * len(counts):
            raise DataError(
                f"{series.name(row)}: expected times in steps of about {step:g}, as in training, "
                f"got gaps of {int(counts.sum() - len(counts)):,} steps in all; cut the series "
                "where they are"
            )
        differences.append(gaps)
    if all((np.rint(gaps / step) <= 1).all() for gaps in differences):
        return series
    return _filled(series, differences, step, num_known)


def _filled(
    series: SeriesSet,
    differences: list["np.ndarray[tuple[int], np.dtype[np.float64]]"],
    step: float,
    num_known: int,
) -> SeriesSet:
    """The series with as many steps between two as their difference says."""
    values, times = [], []
    for row, gaps in enumerate(differences):
        own, clock = series.values[row], series.times_of(row)
        assert clock is not None
        counts = np.maximum(np.rint(gaps / step), 1).astype(np.int64)
        places = np.concatenate([[0], np.cumsum(counts)]) if len(own) else np.empty(0, np.int64)
        length = int(places[-1]) + 1 if len(own) else 0
        filled = np.full((length, own.shape[1]), np.nan, np.float32)
        filled[places] = own
        if num_known and len(own):
            before = np.searchsorted(places, np.arange(length), side="right") - 1
            filled[:, -num_known:] = own[before, -num_known:]
        values.append(filled)
        times.append(np.interp(np.arange(length), places, clock) if length else np.empty(0))
    return SeriesSet(
        Ragged(np.concatenate(values), offsets_of([len(one) for one in values])),
        series.channels,
        np.concatenate(times),
        series.ids,
    )
