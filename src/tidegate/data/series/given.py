"""Series in memory, out of the containers that they come in."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import ArgumentError, DataError

EXPECTED = (
    "an array of shape (number of series, steps, channels), or a list of arrays of shape "
    "(steps, channels), or a data frame with a row a step"
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
            channel (number of series, steps); a list of arrays, (steps, channels) or (steps,); or a
            data frame of pandas or polars with a row a step.
        channels: The names of the channels; by default their numbers.
        columns: The columns of a data frame; what is not named is found.
        where: Begins the message of an error.

    Raises:
        DataError: Another container or shape, something that is no number, an infinite number, or
            other channels.
    """
    if isinstance(given, SeriesSet):
        return given
    if is_frame(given):
        return _of_frame(given, channels, columns or SeriesColumns(), where)
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


def is_frame(given: Any) -> bool:
    """Whether something is a data frame: it has named columns, and gives each by its name."""
    return hasattr(given, "columns") and hasattr(given, "shape") and not hasattr(given, "dtype")


def _of_frame(
    frame: Any, channels: Sequence[str] | None, columns: SeriesColumns, where: str
) -> SeriesSet:
    """The series of a frame, of the channels that are wanted."""
    # Here, for a model that answers need not wait for what reads tables.
    from tidegate.data.own_series.columns import complete
    from tidegate.data.series.frame import FrameHead, series_of_frame

    if channels is not None and not columns.values:
        columns = replace(columns, values=tuple(channels))
    try:
        columns = complete(columns, FrameHead(frame, where), answers=False)
    except ArgumentError as error:
        raise DataError(f"{where}: {error}") from error
    if not columns.is_long:
        raise DataError(
            f"{where}: expected a data frame with a row a step, whose column series_id or time is "
            f"named, got one with the columns {', '.join(map(str, frame.columns[:20]))}"
        )
    return series_of_frame(frame, columns, where=where)
