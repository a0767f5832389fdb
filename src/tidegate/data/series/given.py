"""Series in memory, out of the containers that they come in."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import DataError

EXPECTED = (
    "an array of shape (number of series, steps, channels), or a list of arrays of shape "
    "(steps, channels)"
)


def series_of(
    given: Any,
    channels: Sequence[str] | None = None,
    columns: SeriesColumns | None = None,
    *,
    where: str,
) -> SeriesSet:
    """The set of some series.

    Args:
        given: A :class:`SeriesSet`; an array, (number of series, steps, channels), or of one
            channel (number of series, steps); or a list of arrays, (steps, channels) or (steps,).
        channels: The names of the channels; by default their numbers.
        columns: The columns of a data frame.
        where: Begins the message of an error.

    Raises:
        DataError: Another container or shape, something that is no number, an infinite number, or
            other channels.
    """
    if isinstance(given, SeriesSet):
        return given
    if isinstance(given, np.ndarray) and given.dtype != object and given.ndim not in (2, 3):
        raise DataError(f"{where}: expected {EXPECTED}, got an array of shape {given.shape}")
    if not isinstance(given, list | tuple | np.ndarray):
        raise DataError(f"{where}: expected {EXPECTED}, got a {type(given).__name__}")
    series = SeriesSet.from_arrays([*given])
    if channels is None:
        return series
    if len(series) and len(series.channels) != len(channels):
        raise DataError(
            f"{where}: expected {len(channels)} channels, {', '.join(channels)}, got "
            f"{len(series.channels)}"
        )
    return SeriesSet(series.values, tuple(channels), series.times, series.ids)
