"""What follows from one step of series to the next: changes, times, the last value there was."""

import numpy as np
from numpy.typing import NDArray

from tidegate.data.series.series_set import SeriesSet


def divisors(deviation: NDArray[np.float64], level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviations to divide by: 1 for those of a channel that is constant but for rounding."""
    return np.where(deviation > 1e-6 * level + 1e-30, deviation, 1.0)


def firsts(offsets: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Which of all steps are the first of their series, (P,)."""
    is_first = np.zeros(count, np.bool_)
    starts = offsets[:-1][np.diff(offsets) > 0]
    is_first[starts] = True
    return is_first


def changes(values: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.float32]:
    """The change from the step before, 0 at the first step of a series, (P, I)."""
    changes = np.diff(values, axis=0, prepend=values[:1])
    changes[firsts(offsets, len(values))] = 0
    return changes


def time_since_step_before(series: SeriesSet, unit: float) -> NDArray[np.float64]:
    """Times between steps in units of the median, 0 at the first step of a series, (P,)."""
    count = len(series.values.values)
    if series.times is None:
        since = np.ones(count)
    else:
        since = np.diff(series.times, prepend=series.times[:1]) / unit
    since[firsts(series.values.offsets, count)] = 0
    return since


def last_seen(is_missing: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The last step up to each one at which a channel has a value, (P, I); -1 for none."""
    places = np.arange(len(is_missing))[:, None]
    last = np.maximum.accumulate(np.where(is_missing, -1, places), axis=0)
    starts = np.repeat(offsets[:-1], np.diff(offsets))[:, None]
    return np.where(last >= starts, last, -1)


def time_since_seen(
    is_missing: NDArray[np.bool_], since: NDArray[np.float64], offsets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How long ago a channel last had a value, or its series began, (P, I)."""
    clock = np.cumsum(since)[:, None]
    seen = last_seen(is_missing, offsets)
    starts = np.repeat(offsets[:-1], np.diff(offsets))[:, None]
    reference = np.where(seen >= 0, seen, starts)
    # A difference of running sums rounds by what came before: series by series it does not.
    clock = clock - np.repeat(clock[offsets[:-1].clip(max=len(clock) - 1)], np.diff(offsets), 0)
    return np.asarray(np.maximum(clock - np.take_along_axis(clock, reference, 0), 0))
