"""Answers of a trained model to files of series or recordings, or the forecast of their next steps.

Texts are answered row by row, in :mod:`tidegate.inference.predict_rows`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tidegate.application.labelled import with_columns
from tidegate.application.own_files import Dataset, OwnOptions, make_own
from tidegate.data import own_forecast, own_series
from tidegate.data.audio.load import load_recordings
from tidegate.data.audio.options import OwnAudio
from tidegate.data.audio.recording import FORMATS as AUDIO_FORMATS
from tidegate.data.own_forecast import OwnForecast
from tidegate.data.own_series import OwnSeries
from tidegate.data.preprocessing import (
    AudioPreprocessor,
    ForecastPreprocessor,
    SeriesPreprocessor,
)
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.gaps import fill_gaps_by_step
from tidegate.data.series.series_set import SeriesSet
from tidegate.data.tables.writer import open_writer
from tidegate.errors import ArgumentError, DataError
from tidegate.inference.answers import answer_columns, as_columns
from tidegate.inference.forecast_rows import forecast_columns, forecast_rows
from tidegate.inference.predictor import Predictor

AT_ONCE = 1_024
"""Series whose answers are written together."""


@dataclass(frozen=True)
class Answered:
    """Counts of what was answered."""

    num_answered: int
    """Series, or recordings."""
    num_bad: int
    """Rows without an answer, because they could not be read."""
    bad: Sequence[str]
    """The first of these: file, line and reason."""


def predict_files(
    model: Predictor,
    dataset: Dataset,
    options: OwnOptions,
    out: Path | None,
    format: str,
    *,
    top_k: int = 1,
    delimiter: str | None = None,
    overwrite: bool = False,
    on_progress: Callable[[Path, float], object] = lambda path, done: None,
) -> Answered:
    """Write a row with the answer to each series or recording, or each forecast step.

    Args:
        model: A trained model of series, recordings or forecasts.
        dataset: The files; for recordings also a wav, flac or ogg file itself.
        options: The columns, where they are not those of the training.
        out: The file to write, which appears only when it is complete; None for standard output.
        format: ``csv``, ``tsv``, ``jsonl`` or ``parquet``.
        top_k: Number of most probable classes for each.
        delimiter: Character between the fields of a CSV file that is written.
        overwrite: Replace an existing file.
        on_progress: Is told which file is read, and the share of it that was.

    Raises:
        ArgumentError: There is no such column, or ``top_k`` exceeds the number of classes.
        DataError: A file cannot be read or written, or does not fit the model.
    """
    preprocessor = model.folder.preprocessor
    if isinstance(preprocessor, AudioPreprocessor) and _is_recording(dataset):
        names, given = [str(dataset)], [dataset]
        bad: tuple[Sequence[str], int] = ((), 0)
        return _write_answers(
            model,
            "recording",
            names,
            _in_parts(given),
            bad,
            out,
            format,
            top_k,
            delimiter,
            overwrite,
        )
    own = make_own(dataset, with_columns(model, options))
    if own.kind != preprocessor.kind or own.own is None:
        got = f"the data set {own.name}" if own.own is None else f"files of the kind {own.kind}"
        raise DataError(
            f"predict: expected files of the kind {preprocessor.kind} for this model, got {got}"
        )
    if isinstance(own.own, OwnForecast):
        assert isinstance(preprocessor, ForecastPreprocessor)
        if top_k != 1:
            raise ArgumentError(
                "top_k", "expected a model that answers with classes, got a forecast"
            )
        return _write_forecast(model, own.own, out, format, delimiter, overwrite, on_progress)
    columns = model.folder.columns
    trained = columns if isinstance(columns, SeriesColumns) else None
    if isinstance(own.own, OwnAudio):
        assert isinstance(preprocessor, AudioPreprocessor)
        read = load_recordings(
            replace(own.own, front_end=preprocessor.front_end, skip_bad_rows=True),
            trained,
            on_progress,
        )
        series, head = read.series, "recording"
        names = [*(series.ids or read.files)]
        bad = (read.bad, read.num_bad)
    else:
        assert isinstance(own.own, OwnSeries)
        assert isinstance(preprocessor, SeriesPreprocessor)
        series = own_series.load_series(own.own, trained, preprocessor.channels, on_progress)
        names = [*(series.ids or map(str, range(len(series))))]
        head, bad = (trained.series_id if trained and trained.series_id else "series"), ((), 0)
    parts = (
        (slice(start, start + AT_ONCE), series.take(slice(start, start + AT_ONCE)))
        for start in range(0, len(series), AT_ONCE)
    )
    return _write_answers(model, head, names, parts, bad, out, format, top_k, delimiter, overwrite)


def _is_recording(dataset: Dataset) -> bool:
    endings = tuple(f".{ending}" for ending in AUDIO_FORMATS.values())
    return isinstance(dataset, str | Path) and str(dataset).lower().endswith(endings)


def _in_parts(given: list[Any]) -> Iterator[tuple[slice, Any]]:
    yield slice(0, len(given)), given


def _write_answers(
    model: Predictor,
    head: str,
    names: Sequence[str],
    parts: Iterator[tuple[slice, Any]],
    bad: tuple[Sequence[str], int],
    out: Path | None,
    format: str,
    top_k: int,
    delimiter: str | None,
    overwrite: bool,
) -> Answered:
    """Write a row for each example: its name, and the columns of its answer."""
    added = answer_columns(model.task, top_k)
    with open_writer(
        out, (head, *added), format, delimiter=delimiter, overwrite=overwrite
    ) as writer:
        for rows, given in parts:
            outputs = model.outputs(given)
            columns = as_columns(model.task, outputs, top_k)
            writer.write(
                [
                    dict(zip((head, *added), values, strict=True))
                    for values in zip(names[rows], *columns, strict=True)
                ]
            )
    return Answered(len(names), bad[1], bad[0])


def _write_forecast(
    model: Predictor,
    own: OwnForecast,
    out: Path | None,
    format: str,
    delimiter: str | None,
    overwrite: bool,
    on_progress: Callable[[Path, float], object],
) -> Answered:
    columns = model.folder.columns
    trained = columns if isinstance(columns, SeriesColumns) else None
    series, read, has_dates = own_forecast.load_series(own, trained, on_progress)
    preprocessor = model.folder.preprocessor
    assert isinstance(preprocessor, ForecastPreprocessor)
    series = fill_gaps_by_step(series, preprocessor.time_step, len(read.known))
    write_forecast(
        model, series, read, has_dates, out, format, delimiter=delimiter, overwrite=overwrite
    )
    return Answered(len(series), 0, ())


def write_forecast(
    model: Predictor,
    series: SeriesSet,
    columns: SeriesColumns | None,
    has_dates: bool,
    out: Path | None,
    format: str,
    *,
    delimiter: str | None = None,
    overwrite: bool = False,
) -> list[Mapping[str, Any]]:
    """Write the steps after the end of each series, with the quantiles of every channel.

    Args:
        model: A trained model of forecasts.
        series: With the covariates that are known ahead as the last channels.
        columns: Name the columns of the series and of the times.
        has_dates: Whether times are seconds since 1970, to be written as dates.
        out, format, delimiter, overwrite: As of :func:`predict_files`.

    Returns:
        The rows that were written, of the first series only.
    """
    head = forecast_columns(model, series, columns)
    first: list[Mapping[str, Any]] = []
    with open_writer(out, head, format, delimiter=delimiter, overwrite=overwrite) as writer:
        for start in range(0, len(series), AT_ONCE):
            part = series.take(slice(start, start + AT_ONCE))
            rows = forecast_rows(model, part, columns, has_dates, start)
            first = first or rows[: model.task.horizon]
            writer.write(rows)
    return first
