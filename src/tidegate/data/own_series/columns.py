"""Which columns of a table hold series and answers: named, or found by their names and values."""

import difflib
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TypeGuard

from tidegate.data.own_texts.columns import LABEL_NAMES, LOOKED_AT
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.numbers import is_number
from tidegate.data.series.wide_table import step_columns
from tidegate.data.tables import BadRow, Row, Table
from tidegate.errors import ArgumentError

ID_NAMES = (
    "series_id",
    "series",
    "id",
    "item_id",
    "unique_id",
    "unit",
    "unit_id",
    "unit_number",
    "machine",
    "machine_id",
    "case_id",
    "recording",
    "sequence",
)
TIME_NAMES = ("time", "timestamp", "date", "datetime", "t", "ds", "step")


def check(columns: SeriesColumns) -> None:
    """Refuse what contradicts itself, before a file is opened.

    Raises:
        ArgumentError: Which.
    """
    kinds = [name for name in ("label", "labels", "target") if getattr(columns, name)]
    if len(kinds) > 1:
        raise ArgumentError(
            kinds[1], f"expected one of label, labels and target, got {' and '.join(kinds)}"
        )
    if columns.separator is not None and (len(columns.labels) != 1 or not columns.separator):
        raise ArgumentError(
            "separator",
            "expected one column in labels whose texts it separates, got "
            f"{', '.join(columns.labels) or 'none'}",
        )
    named = [*_others(columns), *columns.values]
    twice = [name for name in named if named.count(name) > 1]
    if twice:
        raise ArgumentError(
            "values", f"expected every column for one thing, got {twice[0]!r} twice"
        )


def complete(columns: SeriesColumns, table: Table, *, answers: bool = True) -> SeriesColumns:
    """Find the columns that were not named, and check that those that were are there.

    With a column of series or of times the table is in the long format, else in the wide one.

    Args:
        columns: As the user names them; of the wide format ``values`` may be patterns.
        table: A file of the user's.
        answers: Whether answers are wanted, too.

    Raises:
        ArgumentError: A column is missing, or several could be meant.
    """
    for option in ("series_id", "time", "known", "label", "labels", "target", "split", "group"):
        names = getattr(columns, option)
        _check_there(option, (names,) if isinstance(names, str) else names or (), table)
    id_of_row = None
    if not columns.is_long and not _has_pattern(columns, table):
        columns, id_of_row = _find_series(columns, table)
    elif columns.is_long and columns.series_id is None:
        columns = replace(columns, series_id=_named(table, ID_NAMES, _others(columns)))
    elif columns.is_long and columns.time is None:
        columns = replace(columns, time=_named(table, TIME_NAMES, _others(columns)))
    if answers and columns.is_long and columns.series_id is None:
        raise ArgumentError(
            "series_id",
            f"expected the name of the column that says which series a row of {table.path} belongs "
            f"to, got none; its columns are {', '.join(table.columns[:20])}",
        )
    if columns.is_long:
        _check_there("values", columns.values, table)
    steps = columns.values if columns.is_long else step_columns(table, columns.values)
    if answers and not columns.answers:
        columns = replace(columns, label=_find_label(table, (*_others(columns), *steps)))
    if columns.values:
        return columns
    found = _numeric(table, (*_others(columns), id_of_row))
    if not answers:  # what looks like an answer is none of the values
        found = [name for name in found if name.lower() not in LABEL_NAMES]
    if not found:
        raise ArgumentError(
            "values",
            f"expected the names of columns of numbers in {table.path}, got none; its columns are "
            f"{', '.join(table.columns[:20])}",
        )
    return replace(columns, values=tuple(found))


def _has_pattern(columns: SeriesColumns, table: Table) -> bool:
    """Whether ``values`` has a pattern, which only the wide format takes."""
    return any(name not in table.columns and {*name} & {*"*?["} for name in columns.values)


def _find_series(columns: SeriesColumns, table: Table) -> tuple[SeriesColumns, str | None]:
    """The columns of series and times of the long format; or, of the wide one, that of names."""
    without = (*_others(columns), *columns.values)
    series_id, time = _named(table, ID_NAMES, without), _named(table, TIME_NAMES, without)
    if series_id is not None and time is None:
        ids = [str(row.values.get(series_id)) for row in table.head(LOOKED_AT) if _is_row(row)]
        if len({*ids}) == len(ids):  # a row is a series
            return columns, series_id
    return replace(columns, series_id=series_id, time=time), None


def _is_row(row: Row | BadRow) -> TypeGuard[Row]:
    return isinstance(row, Row)


def _others(columns: SeriesColumns) -> tuple[str, ...]:
    """All named columns but those of the values."""
    single = (columns.series_id, columns.time, columns.audio, columns.split, columns.group)
    return (*(name for name in single if name), *columns.known, *columns.answers)


def _check_there(option: str, names: Iterable[str], table: Table) -> None:
    for name in names:
        if name not in table.columns:
            near = difflib.get_close_matches(name, table.columns, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            listed = ", ".join(table.columns[:20])
            raise ArgumentError(
                option, f"expected a column of {table.path} ({listed}), got {name!r}{hint}"
            )


def _named(table: Table, names: Iterable[str], without: Collection[str]) -> str | None:
    for name in names:
        for column in table.columns:
            if column.lower() == name and column not in without:
                return column
    return None


def _find_label(table: Table, without: Collection[str]) -> str:
    found = _named(table, LABEL_NAMES, without)
    if found is not None:
        return found
    numeric = _numeric(table, without)
    texts = [name for name in table.columns if name not in numeric and name not in without]
    if len(texts) == 1:
        return texts[0]
    raise ArgumentError(
        "label",
        f"expected the name of the column with the classes in {table.path} (or labels, or "
        f"target), got none; its columns are {', '.join(table.columns[:20])}",
    )


def _numeric(table: Table, without: Collection[str | None]) -> list[str]:
    """The columns whose first values are numbers, or missing."""
    rows = [row.values for row in table.head(LOOKED_AT) if isinstance(row, Row)]
    return [
        name
        for name in table.columns
        if name not in without and all(is_number(row.get(name)) for row in rows)
    ]
