"""Which columns of the user's files hold texts and answers: named, or found by their names."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from tidegate.data.columns import Columns
from tidegate.data.tables import Row, Table
from tidegate.errors import ArgumentError

LOOKED_AT = 200
"""Rows by which the type of a column is told."""

TEXT_NAMES = ("text", "review", "sentence", "content", "body", "message", "comment")
LABEL_NAMES = ("label", "class", "category", "sentiment", "target")
TEST_NAMES = ("test",)
VALIDATION_NAMES = ("validation", "valid", "val", "dev")
TRAIN_NAMES = ("train", "training")


def check(columns: Columns) -> None:
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
    twice = [name for name in columns.named if columns.named.count(name) > 1]
    if twice:
        raise ArgumentError("text", f"expected every column for one thing, got {twice[0]!r} twice")


def complete(columns: Columns, table: Table, *, answers: bool = True) -> Columns:
    """Find the columns that were not named, and check that those that were are there.

    Args:
        columns: As the user names them.
        table: A file of the user's.
        answers: Whether answers are wanted, too.

    Raises:
        ArgumentError: A column is missing, or several could be meant.
    """
    for option in ("text", "label", "labels", "target", "split", "group"):
        names = getattr(columns, option)
        for name in (names,) if isinstance(names, str) else names or ():
            if name not in table.columns:
                raise ArgumentError(option, _missing(name, table))
    wanted = answers and not columns.answers
    if columns.text is not None and not wanted:
        return columns
    rows = [row.values for row in table.head(LOOKED_AT) if isinstance(row, Row)]
    text, label = columns.text, columns.label
    if text is None:
        text = find_text(table, rows, without=columns.named)
    if wanted:
        label = _find_label(table, without=(text, *columns.named))
    return replace(columns, text=text, label=label)


def find_text(table: Table, rows: Sequence[dict[str, Any]], without: Collection[str] = ()) -> str:
    """The column of texts: by its name, or the only one whose values have blanks.

    Raises:
        ArgumentError: There is none, or there are several.
    """
    free = [
        name
        for name in table.columns
        if name not in without and _may_be_texts([row.get(name) for row in rows])
    ]
    for name in TEXT_NAMES:
        for column in free:
            if column.lower() == name:
                return column
    prose = [column for column in free if _is_prose([row.get(column) for row in rows])]
    if len(prose) == 1 or len(free) == 1:
        return (prose or free)[0]
    raise ArgumentError(
        "text",
        f"expected the name of the column with the texts in {table.path}, got none, and "
        f"{'several could be it' if prose else 'none looks like it'}: "
        f"{', '.join(prose or free or table.columns)}",
    )


def _find_label(table: Table, without: Collection[str]) -> str:
    free = [name for name in table.columns if name not in without]
    for name in LABEL_NAMES:
        for column in free:
            if column.lower() == name:
                return column
    if len(free) == 1:
        return free[0]
    raise ArgumentError(
        "label",
        f"expected the name of the column with the classes in {table.path} (or labels, or "
        f"target), got none; its other columns are {', '.join(free) or 'none'}",
    )


def _may_be_texts(values: Sequence[Any]) -> bool:
    there = [value for value in values if value is not None]
    return not there or any(isinstance(value, str) for value in there)


def _is_prose(values: Sequence[Any]) -> bool:
    texts = [value for value in values if isinstance(value, str) and value]
    with_blanks = sum(" " in text.strip() for text in texts)
    return len(texts) * 2 > len(values) and with_blanks * 2 > len(texts)


def _missing(name: str, table: Table) -> str:
    near = difflib.get_close_matches(name, table.columns, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(table.columns[:20])
    return f"expected a column of {table.path} ({listed}), got {name!r}{hint}"
