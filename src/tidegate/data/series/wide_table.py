"""Series of a table in the wide format: a row is a series of one channel, its steps in columns."""

from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from tidegate.data.series.numbers import number_of
from tidegate.data.series.raw import Progress, RawSeries, to_float32
from tidegate.data.tables import BadRow, Table
from tidegate.errors import ArgumentError

CHANNELS = ("0",)
_TOLD_EVERY = 2_000


def step_columns(table: Table, values: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of the steps.

    Args:
        table: The file.
        values: Names of columns, or patterns such as ``t*``; a pattern stands for the columns that
            it matches, in the order of the file.

    Raises:
        ArgumentError: A name or a pattern has no column.
    """
    names: list[str] = []
    for one in values:
        if one in table.columns:
            names.append(one)
            continue
        matched = [name for name in table.columns if fnmatchcase(name, one)]
        if not matched:
            listed = ", ".join(table.columns[:20])
            raise ArgumentError(
                "values",
                f"expected columns of {table.path} ({listed}), or a pattern of such, got {one!r}",
            )
        names += matched
    return tuple(dict.fromkeys(names))


def read_wide(
    table: Table,
    steps: tuple[str, ...],
    constant: tuple[str, ...],
    into: RawSeries,
    on_progress: Progress = lambda path, done: None,
) -> list[list[Any]]:
    """Add the series of a table in which a row is a series.

    Empty fields at the end of a row end a shorter series; others are missing values. Rows that
    cannot be used are counted in ``into``.

    Args:
        table: The rows.
        steps: The columns of the steps, in their order.
        constant: Other columns that are read.
        into: Takes the series.
        on_progress: Is told the share of the file that was read.

    Returns:
        For each series its values of ``constant``.

    Raises:
        DataError: The file cannot be read on.
    """
    into.begin(table.path, CHANNELS)
    read = []
    for count, row in enumerate(table.rows()):
        if count % _TOLD_EVERY == 0:
            on_progress(table.path, table.done)
        where = f"{table.path}:{row.line}"
        if isinstance(row, BadRow):
            into.refuse(where, row.reason)
            continue
        fields = [row.values.get(name) for name in steps]
        while fields and (fields[-1] is None or str(fields[-1]).strip() == ""):
            fields.pop()
        reason = None if fields else "expected values, got none"
        values = np.empty((len(fields), 1))
        for step, field in enumerate(fields):
            try:
                values[step] = number_of(field)
            except ValueError as expected:
                reason = f"expected {expected} in the column {steps[step]}, got {str(field)[:40]!r}"
                break
        if reason is not None:
            into.refuse(where, reason)
            continue
        into.add(to_float32(values), row.line)
        read.append([row.values.get(name) for name in constant])
    return read
