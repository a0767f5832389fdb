"""What a forecaster is given: one series or several, out of the containers that they come in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.own_forecast.frame import date_index, read_frame
from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.gaps import fill_gaps_by_step
from tidegate.data.series.given import is_frame
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import ArgumentError, DataError

EXPECTED = (
    "an array (T,) or (T, C) of one series, a list of such arrays or an array (n, T, C) of "
    "several, or a data frame with a row a step"
)


@dataclass(frozen=True)
class SeriesGiven:
    """Series to forecast, and the form in which they came."""

    series: SeriesSet
    """With the covariates that are known ahead as the last channels."""
    num_dimensions: int
    """Of the forecasts' array: 1 for (H,), 2 for (H, C), 3 for (n, H, C)."""
    known: tuple[str, ...] = ()
    """The names of the covariates."""
    columns: SeriesColumns | None = None
    """The columns of a data frame, with those that were found; None of other containers."""
    has_dates: bool = False
    """Whether times are seconds since 1970."""


def series_given(y: Any, X: Any, columns: SeriesColumns, *, where: str) -> SeriesGiven:
    """Read series as they are: gaps in time are not filled.

    Args:
        y: Arrays, a column of pandas or polars, a :class:`SeriesSet`, or a data frame.
        X: The covariates of arrays, (T, K) or (T + F, K) for each series: those of F steps ahead
            come last.
        columns: The names of a data frame's columns, and of the covariates.
        where: Begins the message of an error.

    Raises:
        DataError: Another container or shape, or a value that is no number.
        ArgumentError: Covariates that are not where they must be.
    """
    if is_frame(y):
        _refuse_covariates(X, "as columns of the data frame, by known", where)
        series, found, has_dates = read_frame(y, columns, where=where)
        one = 1 if len(found.values) == 1 else 2
        num_dimensions = one if found.series_id is None else 3
        given = SeriesGiven(series, num_dimensions, found.known, found, has_dates)
    elif isinstance(y, SeriesSet):
        _refuse_covariates(X, "as the last channels of the series, by known", where)
        given = SeriesGiven(y, 3, columns.known, has_dates=y.times is not None)
        if columns.known and y.channels[-len(columns.known) :] != columns.known:
            raise DataError(
                f"{where}: expected {', '.join(columns.known)} as the last channels, got the "
                f"channels {', '.join(y.channels)}"
            )
    else:
        given = _of_arrays(y, X, columns, where)
    if not len(given.series) or not given.series.num_steps:
        raise DataError(f"{where}: expected a series with steps, got none")
    _check_covariates(given.series, len(given.known), where)
    return given


def with_steps_ahead(
    given: SeriesGiven, horizon: int, time_step: float, *, where: str
) -> SeriesSet:
    """The series without gaps, with the covariates of exactly the steps that are to be forecast.

    Args:
        given: The series.
        horizon: H.
        time_step: The time between two steps in the training.
        where: Begins the message of an error.

    Raises:
        DataError: The covariates of fewer steps are given.
    """
    series = fill_gaps_by_step(given.series, time_step, len(given.known))
    count = len(series.channels) - len(given.known)
    if not given.known:
        return series
    rows = []
    for row in range(len(series)):
        values = series.values[row]
        there = np.flatnonzero(~np.isnan(values[:, :count]).all(1))
        end = int(there[-1]) + 1 if len(there) else 0
        if len(values) < end + horizon:
            raise DataError(
                f"{where}: {series.name(row)}: expected the covariates {', '.join(given.known)} of "
                f"{horizon} steps after its {end:,} with values, got {len(values) - end}; give "
                "them to fit, or give both series and covariates to predict"
            )
        rows.append(np.arange(end + horizon) + series.values.offsets[row])
    places, offsets = np.concatenate(rows), offsets_of([len(row) for row in rows])
    times = None if series.times is None else series.times[places]
    return SeriesSet(
        Ragged(series.values.values[places], offsets), series.channels, times, series.ids
    )


def _of_arrays(y: Any, X: Any, columns: SeriesColumns, where: str) -> SeriesGiven:
    times = _times(y, where)
    rows, num_dimensions = _arrays(y, where)
    known: tuple[str, ...] = ()
    if X is not None:
        ahead, _ = _arrays(X, f"{where}: X")
        known = columns.known or tuple(f"x{k}" for k in range(_width(ahead[0])))
        rows = _joined(rows, ahead, known, where)
        times = None if times is None else _continued(times, len(rows[0]))
    elif columns.known:
        raise ArgumentError(
            "known", f"expected the covariates {', '.join(columns.known)} of arrays as X, got none"
        )
    count = _width(rows[0]) - len(known) if rows else 1
    names = columns.values or tuple(map(str, range(count)))
    if rows and len(names) != count:
        raise DataError(
            f"{where}: expected the channels {', '.join(names)}, got {count} "
            f"channel{'s' * (count != 1)}"
        )
    twice = {*names} & {*known}
    if twice:
        raise ArgumentError(
            "known", f"expected other names than those of the values, got {twice.pop()!r} twice"
        )
    series = SeriesSet.from_arrays(
        rows, channels=(*names, *known), times=None if times is None else [times]
    )
    return SeriesGiven(series, num_dimensions, known, has_dates=times is not None)


def _times(y: Any, where: str) -> NDArray[np.float64] | None:
    """The dates of a column's index, seconds since 1970, (T,); None where there are none."""
    index = date_index(y)
    if index is None:
        return None
    dates = index.to_numpy().astype("datetime64[us]")
    wrong = np.isnat(dates)
    wrong[1:] |= ~(dates[1:] > dates[:-1])
    if wrong.any():
        place = int(np.argmax(wrong))
        raise DataError(
            f"{where}: expected dates in the index that ascend, got {dates[place]} at place {place}"
            f"{f' after {dates[place - 1]}' if place else ''}; sort the steps by time, and leave "
            "one of each"
        )
    return np.asarray(dates.astype(np.int64) / 1e6)


def _arrays(given: Any, where: str) -> tuple[list[NDArray[Any]], int]:
    """The array of every series, (T,) or (T, C), and the dimensions of a forecast of them."""
    if isinstance(given, list | tuple) and not (len(given) and np.ndim(given[0]) == 0):
        return [_numbers(one, (1, 2), f"{where}[{n}]") for n, one in enumerate(given)], 3
    array = _numbers(given, (1, 2, 3), where)
    return ([*array], 3) if array.ndim == 3 else ([array], array.ndim)


def _numbers(given: Any, dimensions: tuple[int, ...], where: str) -> NDArray[np.float64]:
    """An array of real numbers with one of these numbers of dimensions."""
    if isinstance(given, np.ndarray | list | tuple) or hasattr(given, "to_numpy"):
        try:
            array = np.asarray(given)
            if array.dtype == object:
                array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"{where}: expected {EXPECTED}, got {str(given)[:40]!r}") from error
        if array.dtype.kind in "fiub" and array.ndim in dimensions:
            return array.astype(np.float64)
        got = f"an array of shape {array.shape} and dtype {array.dtype}"
    else:
        got = f"a {type(given).__name__}"
    raise DataError(f"{where}: expected {EXPECTED}, got {got}")


def _width(array: NDArray[Any]) -> int:
    return 1 if array.ndim == 1 else array.shape[1]


def _joined(
    rows: list[NDArray[Any]], ahead: list[NDArray[Any]], known: tuple[str, ...], where: str
) -> list[NDArray[Any]]:
    """Values and covariates side by side; where covariates go on, values are missing."""
    if len(rows) != len(ahead):
        raise DataError(
            f"{where}: expected covariates X of {len(rows)} series, got those of {len(ahead)}"
        )
    joined = []
    for number, (values, covariates) in enumerate(zip(rows, ahead, strict=True)):
        length, width = len(values), _width(values)
        own = covariates.reshape(len(covariates), -1)
        if len(own) < length or own.shape[1] != len(known):
            raise DataError(
                f"{where}: expected covariates X of shape (at least {length}, {len(known)}) for "
                f"series {number}, got {covariates.shape}"
            )
        both = np.full((len(own), width + len(known)), np.nan)
        both[:length, :width] = values.reshape(length, -1)
        both[:, width:] = own
        joined.append(both)
    return joined


def _continued(times: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Times for ``count`` steps, of which the last ones follow in steps of the median length."""
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    return np.concatenate([times, times[-1:] + step * np.arange(1, count - len(times) + 1)])


def _check_covariates(series: SeriesSet, num_known: int, where: str) -> None:
    """Refuse covariates that are missing: a network would compute with them."""
    if not num_known:
        return
    is_missing = np.isnan(series.values.values[:, -num_known:])
    if is_missing.any():
        place, column = np.argwhere(is_missing)[0]
        row = int(np.searchsorted(series.values.offsets, place, "right")) - 1
        raise DataError(
            f"{where}: {series.name(row)}, step {place - series.values.offsets[row]}: expected a "
            f"number of {series.channels[column - num_known]}, which is known ahead, got a missing "
            "value; fill it, or leave the covariate out"
        )


def _refuse_covariates(X: Any, where_else: str, where: str) -> None:
    if X is not None:
        raise DataError(f"{where}: X: expected the covariates {where_else}, got X as well")
