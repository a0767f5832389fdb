"""The size and form of training series, by which a recipe adapts to them."""

import itertools
from dataclasses import dataclass

import numpy as np

from tidegate.data.preprocessing.series import parts_of
from tidegate.data.series.series_set import SeriesSet
from tidegate.task import Task

UNEQUAL = 0.05
"""Times between steps that differ by more than this share of the median are unequal."""


@dataclass(frozen=True)
class SeriesShape:
    """How many series train, how long they are, and how many channels they have."""

    num_series: int
    """Those that train; those that validate are not among them."""
    num_steps: int
    """The steps of all these series."""
    median_length: int
    num_channels: int
    has_missing: bool
    """Whether a value is missing."""
    is_irregular: bool
    """Whether the times between steps differ."""
    smoothness: float = 0.0
    """The correlation of a value with that of the step before, within a series, the mean over the
    channels: 1 for series that hardly change from step to step, 0 for noise."""
    kind: str = "binary"
    """The kind of the task, see :class:`~tidegate.task.Task`."""
    num_classes: int = 2


def measure(series: SeriesSet, task: Task) -> SeriesShape:
    """Measure training series."""
    lengths = series.values.lengths()
    return SeriesShape(
        num_series=len(series),
        num_steps=series.num_steps,
        median_length=int(np.median(lengths)) if len(lengths) else 0,
        num_channels=len(series.channels),
        has_missing=bool(np.isnan(series.values.values).any()),
        is_irregular=_is_irregular(series),
        smoothness=_smoothness(series),
        kind=task.kind,
        num_classes=len(task.classes),
    )


def _smoothness(series: SeriesSet) -> float:
    """One minus half the mean square of the changes by the variance (von Neumann 1941).

    A missing value has no change. Channels that are constant within every series are left out; 0
    where there is no other. Of large sets the first series are measured, about 260,000 steps.
    """
    width = len(series.channels)
    squares, changes = np.zeros(width), np.zeros(width)
    num_values, num_changes = np.zeros(width), np.zeros(width)
    for part in itertools.islice(parts_of(series), 1):
        for row in range(len(part)):
            own = part.values[row].astype(np.float64)
            count = (~np.isnan(own)).sum(0)
            mean = np.nansum(own, 0) / np.maximum(count, 1)
            change = np.diff(own, axis=0)
            squares += np.nansum((own - mean) ** 2, 0)
            changes += np.nansum(change**2, 0)
            num_values += count
            num_changes += (~np.isnan(change)).sum(0)
    varies = (squares > 0) & (num_changes > 0)
    if not varies.any():
        return 0.0
    variance = squares[varies] / num_values[varies]
    return float(np.mean(1 - changes[varies] / num_changes[varies] / variance / 2))


def _is_irregular(series: SeriesSet) -> bool:
    if series.times is None or series.num_steps < 3:
        return False
    steps = np.diff(series.times)
    ends = series.values.offsets[1:-1] - 1
    inside = np.ones(len(steps), np.bool_)
    inside[ends[(ends >= 0) & (ends < len(steps))]] = False
    inner = steps[inside]
    if not len(inner):
        return False
    median = np.median(inner)
    # One step in a hundred may be a gap.
    return bool(np.mean(np.abs(inner - median) > UNEQUAL * median) > 0.01)
