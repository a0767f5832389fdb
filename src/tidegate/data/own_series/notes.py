"""What the user should know about series of their own, a sentence each."""

import numpy as np
from numpy.typing import NDArray

from tidegate.data.own_texts.parts import Parts
from tidegate.data.preprocessing.series import constant_channels
from tidegate.data.series.dataset import SeriesSplit
from tidegate.data.series.raw import RawSeries
from tidegate.data.series.series_set import SeriesSet
from tidegate.data.series.steps import release_pages

_AT_ONCE = 1 << 20
"""Steps that are looked at together, so that little of a memory map is in memory."""
GAP = 1.5
"""Steps that are further apart than this, in medians of the times between steps, have a gap."""


def notes_of(rows: RawSeries, train: SeriesSplit, test: SeriesSplit, parts: Parts) -> list[str]:
    """Notes on bad rows, copies, channels of one value, missing values, and gaps."""
    notes = []
    if rows.num_bad:
        more = "" if rows.num_bad <= len(rows.bad) else ", ..."
        notes.append(f"{rows.num_bad:,} bad rows are left out: {'; '.join(rows.bad)}{more}")
    keys = np.array(rows.keys, np.uint64)
    both = int(np.isin(keys[parts.test], keys[parts.train]).sum())
    if both:
        notes.append(f"{both:,} test series also stand in the training part")
    constant = constant_channels(train.series)
    if constant:
        listed = ", ".join(constant[:8]) + (", ..." if len(constant) > 8 else "")
        notes.append(f"channels that have one value at every training step: {listed}")
    missing = num_missing(train.series) + num_missing(test.series)
    if missing:
        count = (train.series.num_steps + test.series.num_steps) * len(train.series.channels)
        notes.append(f"{missing:,} of {count:,} values are missing")
    gaps, median = num_gaps(rows.series())
    if gaps:
        notes.append(
            f"{gaps:,} gaps: steps more than {GAP} times as far apart as the median, {median:.6g}"
        )
    return notes


def num_missing(series: SeriesSet) -> int:
    """The number of values that are missing."""
    first, last = int(series.values.offsets[0]), int(series.values.offsets[-1])
    values = series.values.values
    missing = sum(
        int(np.isnan(values[start : min(start + _AT_ONCE, last)]).sum())
        for start in range(first, last, _AT_ONCE)
    )
    release_pages(values)
    return missing


def num_gaps(series: SeriesSet) -> tuple[int, float]:
    """How many steps follow a gap, and the median of the times between steps."""
    if series.times is None or series.num_steps < 3:
        return 0, 0.0
    first = _between(series, 0, min(_AT_ONCE, series.num_steps))
    median = float(np.median(first)) if len(first) else 0.0
    gaps = 0
    for start in range(0, series.num_steps, _AT_ONCE):
        between = _between(series, max(start - 1, 0), min(start + _AT_ONCE, series.num_steps))
        gaps += int((between > GAP * median).sum())
    release_pages(series.times)
    return gaps, median


def _between(series: SeriesSet, first: int, last: int) -> NDArray[np.float64]:
    """The times between the steps of a stretch that are of one series."""
    assert series.times is not None
    between = np.diff(series.times[first:last])
    starts = series.values.offsets[1:-1] - 1 - first
    is_inside = np.ones(len(between), np.bool_)
    is_inside[starts[(starts >= 0) & (starts < len(between))]] = False
    return between[is_inside]
