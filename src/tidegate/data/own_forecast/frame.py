"""Series to forecast out of a data frame of pandas or polars, with a row a step."""

from dataclasses import replace
from typing import Any

import numpy as np

from tidegate.data.own_forecast.load import complete_columns, has_dates_in
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.frame import FrameHead, series_of_frame
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import ArgumentError, DataError


def read_frame(
    frame: Any, columns: SeriesColumns, *, where: str
) -> tuple[SeriesSet, SeriesColumns, bool]:
    """Read the series of a data frame, with the covariates that are known ahead as last channels.

    Args:
        frame: Of pandas or polars. Where no column has the times, an index of dates or periods
            does; without a column of series all rows are the steps of one.
        columns: Those that are named; the others are found by their names and values.
        where: Begins the message of an error.

    Returns:
        The series, the columns with those that were found, and whether times are dates.

    Raises:
        DataError: A column is missing, a value is no number, times do not ascend, or the frame has
            an index of several levels; or no column is found of series and times where there are
            columns that are no numbers.
    """
    index: Any = getattr(frame, "index", None)
    if getattr(index, "nlevels", 1) > 1:
        raise DataError(
            f"{where}: expected series and times in columns of the data frame, got an index of "
            f"{index.nlevels} levels; call reset_index() before"
        )
    try:
        found = complete_columns(columns, FrameHead(frame, where))
        dates = date_index(frame)
        if found.time is None and dates is not None:
            name = str(index.name or "index")
            frame = frame.assign(**{name: dates})
            found = complete_columns(replace(columns, time=name), FrameHead(frame, where))
    except ArgumentError as error:
        raise DataError(f"{where}: {error}") from error
    if not found.values:
        raise DataError(
            f"{where}: expected a data frame with columns of numbers, got one with the columns "
            f"{', '.join(map(str, frame.columns[:20])) or 'none'}"
        )
    if not found.is_long:
        _refuse_others(frame, found, where)
    read = replace(found, values=(*found.values, *found.known))
    series = series_of_frame(frame, read, where=where)
    if not series.num_steps:
        raise DataError(f"{where}: expected rows, got none")
    if found.series_id is None:
        series = replace(series, ids=None)
    return series, found, _has_dates(frame, found.time, where)


def date_index(given: Any) -> Any | None:
    """The index of dates of a frame or a column of pandas, in UTC; of periods, their beginnings.

    Returns:
        A ``DatetimeIndex`` without a time zone; None where the index is another, or there is none.
    """
    index: Any = getattr(given, "index", None)
    if hasattr(index, "to_timestamp"):
        index = index.to_timestamp()
    if getattr(getattr(index, "dtype", None), "kind", "") != "M":
        return None
    return index if index.tz is None else index.tz_convert(None)


def _refuse_others(frame: Any, found: SeriesColumns, where: str) -> None:
    """Refuse texts and dates in a frame whose rows would be taken as the steps of one series."""
    used = (*found.values, *found.known)
    others = [
        str(name)
        for name in frame.columns
        if str(name) not in used and np.asarray(frame[name].to_numpy()).dtype.kind not in "biuf"
    ]
    if others:
        raise DataError(
            f"{where}: expected a data frame of numbers for one series without times, or the names "
            f"of the columns of series and times (series_id, time), got {', '.join(others[:20])} "
            "without such names; name them, or leave them out of the data frame"
        )


def _has_dates(frame: Any, time: str | None, where: str) -> bool:
    """Whether the times are dates, rather than numbers."""
    if time is None:
        return False
    is_of_dates = np.asarray(frame[time].to_numpy()).dtype.kind == "M"
    return is_of_dates or has_dates_in(FrameHead(frame, where), time)
