"""Labelled examples that a trained model is measured on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tidegate.application.own_files import AnyPath, Dataset, OwnOptions, make_own
from tidegate.data import own_forecast, own_series, own_texts, sources
from tidegate.data.audio.load import load_labelled as load_recordings
from tidegate.data.audio.options import OwnAudio
from tidegate.data.columns import Columns
from tidegate.data.own_forecast import OwnForecast
from tidegate.data.own_series import OwnSeries
from tidegate.data.own_texts import OwnTexts
from tidegate.data.prepared_forecast import back_test
from tidegate.data.preprocessing import (
    AudioPreprocessor,
    ForecastPreprocessor,
    SeriesPreprocessor,
)
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.dataset import SeriesDataset
from tidegate.data.series.series_set import SeriesSet
from tidegate.data.windows import Windows
from tidegate.errors import ArgumentError, DataError
from tidegate.inference.predictor import Predictor


@dataclass(frozen=True)
class Labelled:
    """Labelled texts or series, or windows to forecast, for a trained model."""

    examples: list[str] | SeriesSet | Windows
    targets: NDArray[Any]
    """As :class:`~tidegate.task.Task` describes."""
    source: str
    """Where they come from, and what was left out: for the user."""


def labelled(
    model: Predictor, dataset: Dataset, options: OwnOptions, data: AnyPath | None = None
) -> Labelled:
    """What a trained model is to be measured on: the user's files, or a data set's test part.

    Args:
        model: The files' columns are those of its training, where ``options`` name no others.
        dataset, options: As of :func:`make_own`.
        data: The user's copy of the data set.

    Raises:
        ArgumentError: Options that contradict each other, or a column that is missing.
        DataError: A file cannot be read, or has an answer that the model does not know.
    """
    kind = model.folder.preprocessor.kind
    given = make_own(dataset, with_columns(model, options))
    if given.kind != kind:
        raise DataError(
            f"evaluate: expected data of the kind {kind} for this model, got {given.kind}"
        )
    if given.own is None:
        return _test_part(model, given.name, None if data is None else Path(data))
    if data is not None:
        raise ArgumentError("data", "expected it beside a data set of tidegate's, got own files")
    if isinstance(given.own, OwnForecast):
        return _windows(model, own_forecast.load(given.own), ", ".join(given.own.files))
    examples, rows = _rows(model, given.own)
    source = ", ".join(given.own.files)
    if rows.num_bad:
        source += f"; {rows.num_bad:,} bad rows are left out: {'; '.join(rows.bad)}"
    return Labelled(examples, rows.targets, source)


def _rows(model: Predictor, own: OwnTexts | OwnSeries | OwnAudio) -> tuple[Any, Any]:
    """The examples of files, and the rows that they are of."""
    columns, preprocessor = model.folder.columns, model.folder.preprocessor
    rows: Any
    if isinstance(own, OwnTexts):
        known = columns if isinstance(columns, Columns) else None
        rows = own_texts.load_labelled(own, model.task, known)
        return rows.texts, rows
    trained = columns if isinstance(columns, SeriesColumns) else None
    if isinstance(own, OwnAudio):
        assert isinstance(preprocessor, AudioPreprocessor)
        own = replace(own, front_end=preprocessor.front_end)
        rows = load_recordings(own, model.task, trained)
    else:
        assert isinstance(preprocessor, SeriesPreprocessor)
        rows = own_series.load_labelled(own, model.task, trained, preprocessor.channels)
    return rows.series, rows


def with_columns(model: Predictor, options: OwnOptions) -> OwnOptions:
    """Options in which the columns of a model's training stand where the user names none."""
    columns, preprocessor = model.folder.columns, model.folder.preprocessor
    added: dict[str, Any] = {}
    if isinstance(columns, SeriesColumns):
        names = ("series_id", "time", "values", "audio", "known")
        added = {name: value for name in names if (value := getattr(columns, name))}
    if isinstance(preprocessor, ForecastPreprocessor):
        added["horizon"] = preprocessor.options.horizon
        added["season"] = preprocessor.options.season_length
    return {**added, **options}  # type: ignore[typeddict-item]


def _test_part(model: Predictor, name: str, path: Path | None) -> Labelled:
    """The test part of a data set of tidegate's."""
    source = sources.get(name)
    if isinstance(source, sources.ForecastSource):
        return _windows(model, own_forecast.of_source(source), name)
    dataset = sources.load_any(name, path)
    if model.task != dataset.task:
        raise DataError(
            f"evaluate: expected a data set of the model's task, {model.task.kind} with the "
            f"classes {', '.join(model.classes)}, got {dataset.task.kind} with "
            f"{', '.join(dataset.task.classes)}"
        )
    where = f"{name}, from {dataset.source}"
    if isinstance(dataset, SeriesDataset):
        return Labelled(dataset.test.series, dataset.test.labels, where)
    return Labelled(dataset.test.texts, dataset.test.labels, where)


def _windows(model: Predictor, dataset: Any, where: str) -> Labelled:
    preprocessor = model.folder.preprocessor
    assert isinstance(preprocessor, ForecastPreprocessor)
    windows = back_test(dataset, preprocessor)
    return Labelled(windows, windows.targets, f"{where}, at the last points in time")
