"""Rows of a table in the long format, where a row is a step, as chunks of arrays.

Two readers give the same chunks: :func:`by_rows` takes any table and knows the line of every
mistake; :func:`by_arrow` is fast, reads parquet and plain CSV, and gives up at what it cannot read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.series.numbers import MISSING, number_of
from tidegate.data.series.raw import to_float32
from tidegate.data.series.times import seconds
from tidegate.data.tables import BadRow, Table
from tidegate.data.tables.csv_table import CsvTable
from tidegate.data.tables.parquet_table import ParquetTable
from tidegate.errors import DataError

_ROWS = 8_192
_ARROW_ROWS = 1 << 17
_CSV_BYTES = 1 << 23


@dataclass(frozen=True)
class LongColumns:
    """The columns that are read."""

    series_id: str | None
    """None where all rows are one series."""
    time: str | None
    values: tuple[str, ...]
    constant: tuple[str, ...] = ()
    """Those that have one value in a series: answers, part, group."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, each once."""
        others = (self.series_id, self.time)
        return (*dict.fromkeys([*(n for n in others if n), *self.values, *self.constant]),)


@dataclass
class Coded:
    """A column as numbers of its distinct values."""

    codes: NDArray[np.int64]
    """(number of rows,)"""
    values: list[Any]
    """The distinct values."""


@dataclass
class StepChunk:
    """Some rows, in the order of the file."""

    ids: Coded | None
    times: NDArray[np.float64] | None
    """(number of rows,)"""
    values: NDArray[np.float32]
    """(number of rows, I)"""
    constant: list[Coded]
    lines: NDArray[np.int64]
    """The line of each row, or its number in a parquet file, from 1."""


class UnreadableError(Exception):
    """Arrow cannot read a file, or a value is none; the reader by rows says where and why."""


def by_rows(table: Table, columns: LongColumns) -> Iterator[StepChunk]:
    """The chunks of any table.

    Raises:
        DataError: A row cannot be read, or has a value that is none, with its line.
    """
    rows = iter(table.rows())
    while chunk := [*islice(rows, _ROWS)]:
        good = []
        for row in chunk:
            if isinstance(row, BadRow):
                raise DataError(f"{table.path}:{row.line}: {row.reason}")
            good.append(row)
        lines = np.array([row.line for row in good], np.int64)
        dicts = [row.values for row in good]
        values = np.empty((len(good), len(columns.values)))
        for channel, name in enumerate(columns.values):
            for place, fields in enumerate(dicts):
                value = fields.get(name)
                try:
                    values[place, channel] = number_of(value)
                except ValueError as expected:
                    raise _bad(table.path, lines[place], expected, name, value) from None
        times = None
        if columns.time is not None:
            times = np.empty(len(good))
            for place, fields in enumerate(dicts):
                value = fields.get(columns.time)
                try:
                    times[place] = time_of(value)
                except ValueError as expected:
                    raise _bad(table.path, lines[place], expected, columns.time, value) from None
        yield StepChunk(
            None if columns.series_id is None else coded([d.get(columns.series_id) for d in dicts]),
            times,
            to_float32(values),
            [coded([fields.get(name) for fields in dicts]) for name in columns.constant],
            lines,
        )


def by_arrow(table: Table, columns: LongColumns) -> Iterator[StepChunk] | None:
    """The chunks of a parquet or a CSV file, by Arrow; None of another file, or without Arrow.

    Raises:
        UnreadableError: While they are read; the rows are to be read from the beginning by
            :func:`by_rows`.
    """
    if isinstance(table, ParquetTable):
        return _of_parquet(table, columns)
    if isinstance(table, CsvTable):
        try:
            import pyarrow.csv  # noqa: F401
        except ModuleNotFoundError:
            return None
        return _of_csv(table, columns)
    return None


def time_of(value: Any) -> float:
    """A time from a field of a table, see :func:`~tidegate.data.series.times.seconds`.

    Raises:
        ValueError: It is none; the message goes on "expected".
    """
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    return seconds("" if value is None else str(value))


def _bad(path: Path, line: Any, expected: Exception, column: str, value: Any) -> DataError:
    return DataError(
        f"{path}:{line}: expected {expected} in the column {column}, got {str(value)[:40]!r}"
    )


def coded(values: Sequence[Any]) -> Coded:
    """A column as numbers of its distinct values, in the order in which they come."""
    known: dict[Any, int] = {}
    codes = [known.setdefault(value, len(known)) for value in map(_hashable, values)]
    return Coded(np.array(codes, np.int64), [*known])


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _of_parquet(table: ParquetTable, columns: LongColumns) -> Iterator[StepChunk]:
    line = 1
    for batch in table.batches(columns.names, _ARROW_ROWS):
        yield _chunk(batch, columns, line)
        line += len(batch)
    _release_memory()


def _of_csv(table: CsvTable, columns: LongColumns) -> Iterator[StepChunk]:
    import pyarrow as pa
    from pyarrow import csv

    texts = [columns.series_id, columns.time, *columns.constant]
    types = {name: pa.string() for name in texts if name}
    types |= {name: pa.float64() for name in columns.values if name not in types}
    cases = {case for text in MISSING for case in (text, text.upper(), text.title())} | {"NaN"}
    stream = table.begin_again()
    line = 2
    try:
        with stream.open() as file:
            batches = csv.open_csv(
                file,
                read_options=csv.ReadOptions(use_threads=False, block_size=_CSV_BYTES),
                # An empty line is no row there: it ends this way of reading, so lines are right.
                parse_options=csv.ParseOptions(delimiter=table.delimiter, ignore_empty_lines=False),
                convert_options=csv.ConvertOptions(
                    column_types=types,
                    include_columns=[*columns.names],
                    null_values=sorted(cases),
                    strings_can_be_null=False,
                ),
            )
            for batch in batches:
                yield _chunk(batch, columns, line)
                line += len(batch)
        _release_memory()
    except pa.ArrowException as error:
        raise UnreadableError(str(error)) from error


def _release_memory() -> None:
    """Give back what Arrow holds for later: half a gigabyte after twenty million rows."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def _chunk(batch: Any, columns: LongColumns, line: int) -> StepChunk:
    """The arrays of a record batch, whose first row is on ``line``."""
    values = np.empty((len(batch), len(columns.values)), np.float32)
    for channel, name in enumerate(columns.values):
        values[:, channel] = _floats(batch.column(name))
    if np.isinf(values).any():
        raise UnreadableError("an infinite value")
    return StepChunk(
        None if columns.series_id is None else _arrow_coded(batch.column(columns.series_id)),
        None if columns.time is None else _arrow_times(batch.column(columns.time)),
        values,
        [_arrow_coded(batch.column(name)) for name in columns.constant],
        np.arange(line, line + len(batch)),
    )


def _floats(column: Any) -> NDArray[np.float32]:
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise UnreadableError(f"a column of {kind}")
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return to_float32(numbers)


def _arrow_coded(column: Any) -> Coded:
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    values = column.dictionary.to_pylist()
    codes = column.indices.to_numpy(zero_copy_only=False)
    if column.null_count:
        codes, values = np.where(np.isnan(codes), len(values), codes), [*values, None]
    return Coded(codes.astype(np.int64), [_hashable(value) for value in values])


def _arrow_times(column: Any) -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if column.null_count:
        raise UnreadableError("a missing time")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        times = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    elif pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        # Zones do not change the count since 1970 in UTC.
        counts = column.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False)
        times = counts.cast(pa.int64()).to_numpy(zero_copy_only=False) / 1e6
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        try:
            times = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            dates = pc.replace_substring(column, "/", "-")
            try:
                counts = dates.cast(pa.timestamp("us")).cast(pa.int64())
                times = counts.to_numpy(zero_copy_only=False) / 1e6
            except pa.ArrowInvalid:
                times = _python_times(column)
    else:
        raise UnreadableError(f"times of {kind}")
    if not np.isfinite(times).all():
        raise UnreadableError("a time that is none")
    return np.asarray(times, np.float64)


def _python_times(column: Any) -> NDArray[np.float64]:
    try:
        return np.array([seconds(text) for text in column.to_pylist()], np.float64)
    except ValueError as error:
        raise UnreadableError(str(error)) from error
