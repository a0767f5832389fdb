"""Forecasts as rows of a table: one for each step ahead of each series."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.preprocessing import ForecastPreprocessor
from tidegate.data.preprocessing.dates import dates_after
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.series_set import SeriesSet
from tidegate.inference.predictor import Predictor

DIGITS = 6
"""Significant digits of a forecast."""


def forecast_columns(
    model: Predictor, series: SeriesSet, columns: SeriesColumns | None
) -> tuple[str, ...]:
    """The columns of :func:`forecast_rows`: series and time where there are such, the step ahead,
    and for each channel its median and its other quantiles."""
    head = [] if series.ids is None and len(series) == 1 else [_series_name(columns)]
    if series.times is not None:
        head.append(_time_name(columns))
    return (*head, "step", *_quantile_names(model))


def forecast_rows(
    model: Predictor,
    series: SeriesSet,
    columns: SeriesColumns | None = None,
    has_dates: bool = False,
    first: int = 0,
) -> list[Mapping[str, Any]]:
    """Forecast the steps after the end of each series.

    Args:
        model: A trained model of forecasts.
        series: With the covariates that are known ahead as the last channels.
        columns: Name the columns of the series and of the times.
        has_dates: Whether times are seconds since 1970, to be written as dates.
        first: The number of the first of these series.

    Returns:
        A row for each step, its values by the names of :func:`forecast_columns`.

    Raises:
        DataError: The series do not fit the model.
    """
    preprocessor, task = model.folder.preprocessor, model.task
    assert isinstance(preprocessor, ForecastPreprocessor)
    quantiles = task.predictions(model.outputs(series)).reshape(len(series), task.horizon, -1)
    names = _quantile_names(model)
    has_name = series.ids is not None or len(series) > 1 or first > 0
    rows: list[Mapping[str, Any]] = []
    for number in range(len(series)):
        times = series.times_of(number)
        end = len(series.values[number]) - (task.horizon if preprocessor.known else 0)
        ahead = _times_ahead(times, end, preprocessor.time_step, task.horizon, has_dates)
        for step in range(task.horizon):
            row: dict[str, Any] = {}
            if has_name:
                name = first + number if series.ids is None else series.ids[number]
                row[_series_name(columns)] = name
            if ahead is not None:
                time = float(ahead[step])
                row[_time_name(columns)] = _date(time) if has_dates else time
            row["step"] = step + 1
            values = quantiles[number, step].tolist()
            row |= {
                name: float(f"{value:.{DIGITS}g}")
                for name, value in zip(names, _median_first(values, model), strict=True)
            }
            rows.append(row)
    return rows


def _times_ahead(
    times: NDArray[np.float64] | None, end: int, time_step: float, horizon: int, has_dates: bool
) -> NDArray[np.float64] | None:
    """The times of the steps ahead, (H,): those of the rows of the future where there are such."""
    if times is None:
        return None
    if len(times) > end:
        return times[end:]
    if has_dates:
        return dates_after(times[:end], time_step, horizon)
    return np.asarray(times[end - 1] + time_step * np.arange(1, horizon + 1))


def _median_first(values: list[float], model: Predictor) -> list[float]:
    """The values of each channel with the median before the other quantiles."""
    levels = model.task.quantiles
    median = levels.index(0.5)
    order = [median, *(place for place in range(len(levels)) if place != median)]
    width = len(levels)
    return [
        values[channel * width + place]
        for channel in range(len(model.task.classes))
        for place in order
    ]


def _quantile_names(model: Predictor) -> list[str]:
    others = [level for level in model.task.quantiles if level != 0.5]
    return [
        name
        for channel in model.task.classes
        for name in (channel, *(f"{channel}_{level:g}" for level in others))
    ]


def _series_name(columns: SeriesColumns | None) -> str:
    return columns.series_id if columns is not None and columns.series_id else "series"


def _time_name(columns: SeriesColumns | None) -> str:
    return columns.time if columns is not None and columns.time else "time"


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(round(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S")
