"""Series of a data frame in the long format, of pandas or polars, which are not imported."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.own_texts.columns import LOOKED_AT
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.long_table import Gathered
from tidegate.data.series.numbers import number_of
from tidegate.data.series.raw import RawSeries, to_float32
from tidegate.data.series.series_set import SeriesSet
from tidegate.data.series.step_chunks import LongColumns, StepChunk, coded, time_of
from tidegate.data.tables import BadRow, Row
from tidegate.errors import DataError


class FrameHead:
    """The columns and the first rows of a frame, as those of a table."""

    done = 1.0

    def __init__(self, frame: Any, where: str) -> None:
        self.frame = frame
        self.path = Path(where)
        self.columns = tuple(map(str, frame.columns))

    def rows(self) -> Any:
        """The first rows."""
        return iter(self.head(LOOKED_AT))

    def head(self, count: int) -> list[Row | BadRow]:
        """The first rows, at most so many."""
        columns = {name: _array(self.frame[name])[:count].tolist() for name in self.columns}
        rows = zip(*columns.values(), strict=True)
        return [
            Row(number, dict(zip(columns, row, strict=True))) for number, row in enumerate(rows, 1)
        ]


def series_of_frame(frame: Any, columns: SeriesColumns, *, where: str) -> SeriesSet:
    """The series of a frame in which a row is a step.

    Args:
        frame: Of pandas or polars.
        columns: Those of series, times and values.
        where: Begins the message of an error.

    Returns:
        The series, in the order in which they begin, with their names.

    Raises:
        DataError: A column is missing, a value is no number, or times do not ascend.
    """
    long = LongColumns(columns.series_id, columns.time, columns.values)
    names = [*map(str, frame.columns)]
    missing = [name for name in long.names if name not in names]
    if missing:
        raise DataError(
            f"{where}: expected a data frame with the columns {', '.join(long.names)}, got "
            f"{', '.join(names[:20])}, without {', '.join(missing)}"
        )
    gathered = Gathered(f"{where}, row ", long)
    count = len(frame)
    values = np.empty((count, len(long.values)), np.float32)
    for channel, name in enumerate(long.values):
        values[:, channel] = to_float32(_numbers(_array(frame[name]), name, where))
    ids = None if long.series_id is None else coded(_array(frame[long.series_id]).tolist())
    times = None if long.time is None else _times(_array(frame[long.time]), long.time, where)
    if count:
        gathered.add(StepChunk(ids, times, values, [], np.arange(count)))
    rows = RawSeries()
    rows.begin(Path(where), long.values, has_times=times is not None)
    gathered.give(rows, "0")
    return rows.series()


def _array(column: Any) -> NDArray[Any]:
    return np.asarray(column.to_numpy())


def _numbers(column: NDArray[Any], name: str, where: str) -> NDArray[np.float64]:
    if column.dtype.kind in "biuf":
        numbers = column.astype(np.float64)
        if not np.isinf(to_float32(numbers)).any():
            return numbers
    return _each(column, number_of, name, where)


def _times(column: NDArray[Any], name: str, where: str) -> NDArray[np.float64]:
    if column.dtype.kind == "M" and not np.isnat(column).any():
        return np.asarray(column.astype("datetime64[us]").astype(np.int64) / 1e6)
    return _each(column, time_of, name, where)


def _each(column: NDArray[Any], convert: Any, name: str, where: str) -> NDArray[np.float64]:
    """Every value, converted by itself."""
    numbers = np.empty(len(column))
    for row, value in enumerate(column.tolist()):
        try:
            numbers[row] = convert(value)
        except ValueError as expected:
            raise DataError(
                f"{where}, row {row}: expected {expected} in the column {name}, got "
                f"{str(value)[:40]!r}"
            ) from None
    return numbers
