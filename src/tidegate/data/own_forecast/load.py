"""The user's series to forecast: read, gaps filled with missing values, their season found."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tidegate.data.own_forecast.options import OwnForecast
from tidegate.data.own_forecast.seasons import find_season
from tidegate.data.own_series.columns import complete
from tidegate.data.own_texts.load import name_of
from tidegate.data.prepared_forecast import ForecastDataset
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.gaps import fill_gaps
from tidegate.data.series.long_table import read_long
from tidegate.data.series.raw import Progress, RawSeries
from tidegate.data.series.series_set import SeriesSet
from tidegate.data.series.step_chunks import LongColumns
from tidegate.data.series.tsf_file import read_tsf
from tidegate.data.sources.series_source import ForecastSource
from tidegate.data.tables import Row, Table, open_table
from tidegate.errors import DataError


def load(own: OwnForecast, on_progress: Progress = lambda path, done: None) -> ForecastDataset:
    """Read the user's files of series to forecast.

    Args:
        own: Which, and how.
        on_progress: Is told which file is read, and the share of it that was.

    Raises:
        ArgumentError: A column is missing, or several could be meant.
        DataError: A file or a row cannot be read, times do not ascend, or a series is too short.
    """
    own.check()
    series, columns, has_dates = load_series(own, on_progress=on_progress)
    series, notes = fill_gaps(series, len(columns.known))
    dataset = ForecastDataset(
        name=name_of([Path(path) for path in own.files]),
        source=f"{', '.join(own.files[:3])}{', ...' if len(own.files) > 3 else ''}",
        series=series,
        horizon=own.horizon,
        season_length=own.season_length or 1,
        known=columns.known,
        has_dates=has_dates,
        columns=columns,
        notes=notes,
        num_origins=own.num_origins,
    )
    return dataset if own.season_length else _with_season(dataset)


def of_source(source: ForecastSource) -> ForecastDataset:
    """A built-in data set of series to forecast.

    Raises:
        DataError: Its package is missing.
    """
    series, notes = fill_gaps(source.series())
    return ForecastDataset(
        name=source.name,
        source=source.summary,
        series=series,
        horizon=source.horizon,
        season_length=source.season_length,
        has_dates=series.times is not None,
        notes=notes,
    )


def load_series(
    own: OwnForecast,
    columns: SeriesColumns | None = None,
    on_progress: Progress = lambda path, done: None,
) -> tuple[SeriesSet, SeriesColumns, bool]:
    """Read the series of files, with the covariates that are known ahead as the last channels.

    Args:
        own: Which files, and how they are read.
        columns: Those of a model's training: they are meant where ``own`` names none.
        on_progress: Is told which file is read, and the share of it that was.

    Returns:
        The series, the columns with those that were found, and whether times are dates.

    Raises:
        ArgumentError, DataError: As of :func:`load`.
    """
    wanted = own.columns
    if columns is not None:
        wanted = replace(
            wanted,
            series_id=wanted.series_id or columns.series_id,
            time=wanted.time or columns.time,
            values=wanted.values or columns.values,
            known=wanted.known or columns.known,
        )
    if own.files[0].lower().endswith(".tsf"):
        return _tsf(own.files, wanted, on_progress)
    rows, has_dates = RawSeries(), False
    for name in own.files:
        path = Path(name)
        on_progress(path, 0.0)
        try:
            table = open_table(path, delimiter=own.delimiter)
            wanted = complete_columns(wanted, table)
            has_dates = has_dates_in(table, wanted.time)
            long = LongColumns(wanted.series_id, wanted.time, (*wanted.values, *wanted.known), ())
            read_long(table, long, rows, on_progress)
        finally:
            on_progress(path, 1.0)
    if not len(rows) or not rows.series().num_steps:
        raise DataError(f"{', '.join(own.files)}: expected rows after the header, got none")
    return rows.series(), wanted, has_dates


def complete_columns(columns: SeriesColumns, table: Table) -> SeriesColumns:
    """Find the columns that are not named; without any of time or series, rows are steps of one."""
    if columns.series_id is None and columns.time is None:
        # Only found where its name says so; otherwise rows are the steps of a single series.
        guess = complete(replace(columns, time=None), table, answers=False)
        if guess.is_long:
            return guess
        known = {*columns.known}
        values = columns.values or tuple(name for name in _numbers(table) if name not in known)
        return replace(columns, values=values)
    return complete(columns, table, answers=False)


def _numbers(table: Table) -> list[str]:
    """The columns whose first value is a number."""
    first = next((row.values for row in table.head(1) if isinstance(row, Row)), {})
    return [name for name in table.columns if _is_number(first.get(name))]


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return not isinstance(value, bool)


def has_dates_in(table: Table, time: str | None) -> bool:
    """Whether the times of a table are dates, rather than numbers."""
    if time is None:
        return False
    first = next((row.values for row in table.head(1) if isinstance(row, Row)), {})
    return first.get(time) is not None and not _is_number(first.get(time))


def _tsf(
    files: Sequence[str], columns: SeriesColumns, on_progress: Progress
) -> tuple[SeriesSet, SeriesColumns, bool]:
    if len(files) > 1:
        raise DataError(f"{files[1]}: expected one .tsf file, got {len(files)}")
    read = read_tsf(Path(files[0]), on_progress)
    return (
        read.series,
        replace(columns, values=read.series.channels),
        (read.series.times is not None),
    )


def _with_season(dataset: ForecastDataset) -> ForecastDataset:
    season = find_season(dataset)
    note = (
        f"season: {season:,} steps, found by autocorrelation (another one: --season)"
        if season > 1
        else "season: none was found by autocorrelation (to name one: --season)"
    )
    return replace(dataset, season_length=season, notes=(*dataset.notes, note))
