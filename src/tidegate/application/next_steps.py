"""The steps after the end of the series that a run was trained on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.application.predict_files import write_forecast
from tidegate.application.run import Run
from tidegate.data.own_forecast import OwnForecast, load_series
from tidegate.data.prepared_forecast import ForecastDataset
from tidegate.data.preprocessing.forecast import check_future
from tidegate.data.series.gaps import fill_gaps
from tidegate.errors import DataError
from tidegate.inference.predictor import load


def check_next_steps(own: OwnForecast) -> None:
    """Check, before a training, that covariates of the steps ahead are in the user's files.

    Raises:
        DataError: A series lacks them, or a file cannot be read.
        ArgumentError: As of :func:`~tidegate.data.own_forecast.load`.
    """
    if not own.columns.known:
        return
    own.check()
    series, columns, _ = load_series(own)
    series, _ = fill_gaps(series, len(columns.known))
    num_channels = len(series.channels) - len(columns.known)
    for row in range(len(series)):
        check_future(series, row, num_channels, own.horizon)


def write_next_steps(run: Run, path: Path) -> list[Mapping[str, Any]]:
    """Forecast the steps after the end of each series of a run, by its first network.

    Args:
        run: A run of forecasts.
        path: The CSV file to write; one that is there is replaced.

    Returns:
        The rows of the first series.

    Raises:
        DataError: The run is none of forecasts, or its series cannot be read any more.
    """
    dataset = run.config.load_data()
    if not isinstance(dataset, ForecastDataset):
        raise DataError(f"run {run.folder}: expected one of forecasts, got another")
    model = load(next(iter(run.models.values())))
    return write_forecast(
        model, dataset.series, dataset.columns, dataset.has_dates, path, "csv", overwrite=True
    )
