"""The size and form of training series, by which a recipe adapts to them."""

from dataclasses import dataclass

import numpy as np

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
        kind=task.kind,
        num_classes=len(task.classes),
    )


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
