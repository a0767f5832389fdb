"""The steps after the end of the series that a run was trained on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.application.predict_files import write_forecast
from tidegate.application.run import Run
from tidegate.data.prepared_forecast import ForecastDataset
from tidegate.errors import DataError
from tidegate.inference.predictor import load


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
