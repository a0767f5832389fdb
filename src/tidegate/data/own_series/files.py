"""Files of series, whatever their format, one after the other."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidegate.data.own_series.columns import complete
from tidegate.data.own_texts.rows import check_bad
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.long_table import read_long
from tidegate.data.series.npz_file import read_npz
from tidegate.data.series.raw import Progress, RawSeries
from tidegate.data.series.step_chunks import LongColumns
from tidegate.data.series.ts_file import read_ts
from tidegate.data.series.tsf_file import read_tsf
from tidegate.data.series.wide_table import read_wide, step_columns
from tidegate.data.split import hash_of
from tidegate.data.tables import Table, open_table
from tidegate.errors import ArgumentError, DataError

TS_CLASS, TS_TARGET, NPZ_ANSWERS = "class", "target", "y"
"""What the answers of ``.ts`` and ``.npz`` files are called, as columns are."""


def kind_of(path: Path) -> str:
    """The format of a file of series: ``ts``, ``tsf``, ``npz``, or ``table``."""
    name = path.name.lower().removesuffix(".gz")
    return next((kind for kind in ("ts", "tsf", "npz") if name.endswith(f".{kind}")), "table")


def read_into(
    rows: RawSeries,
    files: Sequence[str],
    columns: SeriesColumns,
    *,
    delimiter: str | None = None,
    skip_bad_rows: bool = False,
    answers: bool = True,
    on_progress: Progress = lambda path, done: None,
) -> SeriesColumns:
    """Add the series of files of the same channels.

    Args:
        rows: Takes the series.
        files: Paths: ``.ts``, ``.npz``, ``.tsf`` without answers, or what
            :func:`tidegate.data.tables.open_table` takes.
        columns: As the user names them.
        delimiter: Of CSV.
        skip_bad_rows: Leave rows out that are series and cannot be read, rather than refuse them.
        answers: Whether answers are read, too.
        on_progress: Is told which file is read, and the share of it; 1 at its end.

    Returns:
        The columns, with those that were found.

    Raises:
        ArgumentError: A column is missing, or several could be meant.
        DataError: A file cannot be read; or a row, and bad rows are not to be skipped.
    """
    for name in files:
        path = Path(name)
        on_progress(path, 0.0)
        try:
            kind = kind_of(path)
            if kind == "table":
                table = open_table(path, delimiter=delimiter)
                columns = complete(columns, table, answers=answers)
                _read_table(table, columns, rows, answers, on_progress)
            elif kind == "tsf":
                _read_tsf(path, rows, answers, on_progress)
            else:
                columns = _read_archive(path, kind, columns, rows, answers, on_progress)
        finally:
            on_progress(path, 1.0)
    check_bad(rows, skip_bad_rows)
    if not len(rows):
        raise DataError(f"{', '.join(files)}: expected series, got none")
    return columns


def _read_table(
    table: Table, columns: SeriesColumns, rows: RawSeries, answers: bool, on_progress: Progress
) -> None:
    first = len(rows)
    names = columns.answers if answers else ()
    others = [name for name in (columns.split, columns.group) if name and answers]
    constant = (*names, *others)
    if columns.is_long:
        long = LongColumns(columns.series_id, columns.time, columns.values, constant)
        read = read_long(table, long, rows, on_progress)
    else:
        read = read_wide(table, step_columns(table, columns.values), constant, rows, on_progress)
    for row, values in enumerate(read, first):
        answer = values[: len(names)]
        if names:
            rows.answers[row] = answer[0] if len(names) == 1 else tuple(answer)
        if answers and columns.split:
            rows.splits.append(values[len(names)])
        if answers and columns.group:
            rows.groups.append(hash_of(str(values[-1])))


def _read_tsf(path: Path, rows: RawSeries, answers: bool, on_progress: Progress) -> None:
    """Add the series of a ``.tsf`` file, which have no answers."""
    if answers:
        raise DataError(
            f"{path}: expected series with answers, got a .tsf file, whose series have none: they "
            "are to be forecast"
        )
    series = read_tsf(path, on_progress).series
    rows.begin(path, series.channels, has_times=series.times is not None)
    rows.add_steps(series.values.values, series.times)
    for row, length in enumerate(series.values.lengths().tolist()):
        rows.end(length, row + 1, id=series.name(row).removeprefix("series "))


def _read_archive(
    path: Path,
    kind: str,
    columns: SeriesColumns,
    rows: RawSeries,
    answers: bool,
    on_progress: Progress,
) -> SeriesColumns:
    """Add the series of a ``.ts`` or ``.npz`` file, whose answers have a fixed name."""
    fixed = (TS_CLASS, TS_TARGET) if kind == "ts" else (NPZ_ANSWERS,)
    _check_unnamed(path, columns, fixed)
    first = len(rows)
    has_target = False
    if kind == "ts":
        has_target = read_ts(path, rows, on_progress)
    else:
        read_npz(path, rows)
    if not answers:
        return columns
    own = rows.answers[first:]
    if own and all(answer is None for answer in own):
        raise DataError(f"{path}: expected answers ({' or '.join(fixed)}), got series without any")
    if kind == "ts":
        found = {"target": (TS_TARGET,)} if has_target else {"label": TS_CLASS}
        return columns if columns.answers else replace(columns, **found)
    return _npz_answers(path, columns, own)


def _check_unnamed(path: Path, columns: SeriesColumns, fixed: tuple[str, ...]) -> None:
    """Refuse names of columns beside a file that has none."""
    for option in ("series_id", "time", "values", "known", "label", "labels", "target", "split"):
        names = getattr(columns, option)
        for name in (names,) if isinstance(names, str) else names or ():
            if option not in ("label", "target") or name.rstrip("0123456789") not in fixed:
                raise ArgumentError(
                    option,
                    f"expected no column beside {path}, whose series and answers have their places "
                    f"in the file ({', '.join(fixed)}), got {name!r}",
                )


def _npz_answers(path: Path, columns: SeriesColumns, own: Sequence[Any]) -> SeriesColumns:
    """The names of the answers: classes, unless there are several or fractions."""
    several = max(len(one) if isinstance(one, tuple) else 0 for one in own)
    if several and columns.label is not None:
        raise DataError(
            f"{path}: expected one class a series in {NPZ_ANSWERS}, got {several} values"
        )
    if several:
        return replace(columns, target=tuple(f"{NPZ_ANSWERS}{one}" for one in range(several)))
    if columns.answers:
        return columns
    if any(isinstance(one, float) and not one.is_integer() for one in own):
        return replace(columns, target=(NPZ_ANSWERS,))
    return replace(columns, label=NPZ_ANSWERS)


def is_answered(answer: Any) -> bool:
    """Whether an answer is there: none of a tuple of answers is missing."""
    values = answer if isinstance(answer, tuple) else (answer,)
    return not any(one is None or (isinstance(one, str) and not one.strip()) for one in values)
