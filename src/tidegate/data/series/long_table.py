"""Series of a table in the long format: steps are gathered by the name of their series.

Rows of a series may stand apart. Values go to a buffer that becomes a memory map where it is
large, so a file may be larger than memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import offsets_of
from tidegate.data.series.raw import Progress, RawSeries
from tidegate.data.series.step_chunks import (
    LongColumns,
    StepChunk,
    UnreadableError,
    by_arrow,
    by_rows,
)
from tidegate.data.series.steps import StepBuffer
from tidegate.data.tables import Table
from tidegate.errors import DataError

_GATHERED_AT_ONCE = 1 << 20
"""Steps."""


@dataclass(slots=True)
class _Series:
    """What is known of a series while its steps are read."""

    number: int
    line: int
    constant: list[Any]
    last_time: float = -np.inf
    last_line: int = 0
    length: int = 0


class Gathered:
    """The steps of a table, in stretches of one series each.

    Args:
        where: Goes before the number of a line in messages.
        columns: Those of the chunks.
    """

    def __init__(self, where: str, columns: LongColumns) -> None:
        self.where, self.columns = where, columns
        self.series: dict[Any, _Series] = {}
        self.values = StepBuffer(np.float32, len(columns.values))
        self.times = None if columns.time is None else StepBuffer(np.float64)
        self.stretches = StepBuffer(np.int64, 2)
        """Of each stretch the number of its series, and its length."""

    def add(self, chunk: StepChunk) -> None:
        """Add a chunk of rows.

        Raises:
            DataError: A series has no name, different answers, or times that do not ascend.
        """
        codes = np.zeros(len(chunk.lines), np.int64) if chunk.ids is None else chunk.ids.codes
        order = np.argsort(codes, kind="stable")
        codes, lines = codes[order], chunk.lines[order]
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        # Series are numbered as they come in the file.
        by_place = np.argsort(order[starts], kind="stable")
        ends = np.append(starts[1:], len(codes))
        times = None if chunk.times is None else chunk.times[order]
        constant = [(column.codes[order], column.values) for column in chunk.constant]
        self._check_within(starts, lines, times, constant)
        for which in by_place.tolist():
            start, end = int(starts[which]), int(ends[which])
            key = None if chunk.ids is None else chunk.ids.values[codes[start]]
            values = [known[column[start]] for column, known in constant]
            series = self._series_of(key, int(lines[start]), values)
            if times is not None:
                if times[start] <= series.last_time:
                    raise self._out_of_order(
                        lines[start], times[start], series.last_line, series.last_time
                    )
                series.last_time = float(times[end - 1])
            series.last_line = int(lines[end - 1])
            series.length += end - start
        numbers = np.array(
            [
                self.series[None if chunk.ids is None else chunk.ids.values[code]].number
                for code in codes[starts].tolist()
            ],
            np.int64,
        )
        self.stretches.append(np.stack([numbers, ends - starts], 1))
        self.values.append(chunk.values[order])
        if self.times is not None:
            assert times is not None
            self.times.append(times)

    def _series_of(self, key: Any, line: int, constant: list[Any]) -> _Series:
        """The series of a name, new or known, whose answers must be ``constant``."""
        series = self.series.get(key)
        if series is None:
            if self.columns.series_id is not None and key in (None, ""):
                raise DataError(
                    f"{self.where}{line}: expected the name of a series in the column "
                    f"{self.columns.series_id}, got none"
                )
            series = self.series[key] = _Series(len(self.series), line, constant)
        for name, old, new in zip(self.columns.constant, series.constant, constant, strict=True):
            if old != new:
                raise self._differ(name, key, series.line, old, line, new)
        return series

    def _check_within(
        self,
        starts: NDArray[np.int64],
        lines: NDArray[np.int64],
        times: NDArray[np.float64] | None,
        constant: list[tuple[NDArray[np.int64], list[Any]]],
    ) -> None:
        """Check the steps of each series in a chunk, which stand side by side."""
        is_first = np.zeros(len(lines), np.bool_)
        is_first[starts] = True
        if times is not None:
            wrong = ~(np.diff(times, prepend=-np.inf) > 0) & ~is_first
            if wrong.any():
                place = int(np.flatnonzero(wrong)[lines[wrong].argmin()])
                before = lines[place - 1]
                raise self._out_of_order(lines[place], times[place], before, times[place - 1])
        for name, (codes, values) in zip(self.columns.constant, constant, strict=True):
            wrong = (np.diff(codes, prepend=-1) != 0) & ~is_first
            if wrong.any():
                place = int(np.flatnonzero(wrong)[lines[wrong].argmin()])
                old, new = values[codes[place - 1]], values[codes[place]]
                raise self._differ(name, None, lines[place - 1], old, lines[place], new)

    def _out_of_order(self, line: Any, time: float, before: Any, last: float) -> DataError:
        how = "the same time again" if time == last else "an earlier one"
        column = self.columns.time
        return DataError(
            f"{self.where}{line}: expected times in the column {column} that ascend within a "
            f"series, got {time:.15g} after {last:.15g} in line {before}, {how}; sort the rows by "
            "series and time, and leave one row of each time"
        )

    def _differ(self, name: str, key: Any, first: Any, old: Any, line: Any, new: Any) -> DataError:
        whose = "a series" if key is None else f"the series {key}"
        return DataError(
            f"{self.where}{line}: expected one value of {name} in {whose}, {old!r} as in line "
            f"{first}, got {new!r}"
        )

    def give(self, into: RawSeries, name: str) -> None:
        """Add the series to a file that was begun, in the order in which they begin.

        Args:
            into: Takes them.
            name: That of the series, where rows do not name any.
        """
        if not (self.is_in_order() and into.take_over(self.values, self.times)):
            for values, times in self.ordered():
                into.add_steps(values, times)
        for key, series in self.series.items():
            id = name if self.columns.series_id is None else name_of(key)
            into.end(series.length, series.line, id=id)

    def is_in_order(self) -> bool:
        """Whether the steps of every series stand side by side, series by series."""
        return bool((np.diff(self.stretches.array()[:, 0]) >= 0).all())

    def ordered(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float64] | None]]:
        """Values and times of all steps, series by series, some at a time."""
        values = self.values.array()
        times = None if self.times is None else self.times.array()
        numbers, lengths = self.stretches.array().T
        order = np.argsort(numbers, kind="stable")
        offsets = offsets_of(lengths)
        starts, lengths = offsets[:-1][order], lengths[order]
        ends = offsets_of(lengths)
        for first in range(0, len(values), _GATHERED_AT_ONCE):
            last = min(first + _GATHERED_AT_ONCE, len(values))
            steps = np.arange(first, last)
            stretch = np.searchsorted(ends, steps, "right") - 1
            places = starts[stretch] + steps - ends[stretch]
            yield values[places], None if times is None else times[places]


def read_long(
    table: Table,
    columns: LongColumns,
    into: RawSeries,
    on_progress: Progress = lambda path, done: None,
) -> list[list[Any]]:
    """Add the series of a table in which a row is a step.

    Args:
        table: The rows; those of a series in the order of time, if not side by side.
        columns: Which are read.
        into: Takes the series, in the order in which they begin.
        on_progress: Is told the share of the file that was read.

    Returns:
        For each series its value of each of ``columns.constant``.

    Raises:
        DataError: A row cannot be read, has no number where one is expected, or is out of order,
            with its line; or a series has different answers.
    """
    gathered = _gather(table, columns, on_progress)
    if not gathered.series:
        raise DataError(f"{table.path}: expected rows after the header, got none")
    into.begin(table.path, columns.values, has_times=columns.time is not None)
    gathered.give(into, table.path.stem)
    return [series.constant for series in gathered.series.values()]


def _gather(table: Table, columns: LongColumns, on_progress: Progress) -> Gathered:
    chunks = by_arrow(table, columns)
    if chunks is not None:
        gathered = Gathered(f"{table.path}:", columns)
        try:
            for chunk in chunks:
                gathered.add(chunk)
                on_progress(table.path, table.done)
            return gathered
        except UnreadableError:
            pass  # read by rows, which says where and why
    gathered = Gathered(f"{table.path}:", columns)
    for chunk in by_rows(table, columns):
        gathered.add(chunk)
        on_progress(table.path, table.done)
    return gathered


def name_of(key: Any) -> str:
    """The name of a series from the value of its column."""
    return str(int(key)) if isinstance(key, float) and key.is_integer() else str(key).strip()
