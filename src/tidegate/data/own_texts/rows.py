"""Labelled rows of the user's files: texts, raw answers, and where each stands."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tidegate.data.columns import Columns
from tidegate.data.own_texts.columns import complete
from tidegate.data.split import hash_of, same_text
from tidegate.data.tables import BadRow, open_table
from tidegate.errors import DataError

MOST_SHOWN = 5
"""Bad rows that a message lists."""
TOLD_EVERY = 5_000
MOST_KNOWN = 100_000
Progress = Callable[[Path, float], object]


class Counted(Protocol):
    """Rows, those that cannot be used left out and counted."""

    bad: list[str]
    num_bad: int

    def __len__(self) -> int: ...


@dataclass
class RawRows:
    """Rows as they stand in the files, those that cannot be used left out and counted."""

    texts: list[str] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    """Of each row the value of the column with the answers, or a tuple of several."""
    keys: "array[int]" = field(default_factory=lambda: array("Q"))
    """Of each row the hash of its text: equal for copies."""
    splits: list[Any] = field(default_factory=list)
    groups: "array[int]" = field(default_factory=lambda: array("Q"))
    """Of each row the hash of its group, where there are groups."""
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    files: list[tuple[int, Path]] = field(default_factory=list)
    """At which row each file begins."""
    bad: list[str] = field(default_factory=list)
    """The first bad rows: file, line and reason."""
    num_bad: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    def where(self, row: int) -> str:
        """The file and line of a row, for messages."""
        file = next(path for start, path in reversed(self.files) if start <= row)
        return f"{file}:{self.lines[row]}"

    def refuse(self, where: str, reason: str) -> None:
        """Count a row that is left out."""
        self.num_bad += 1
        if len(self.bad) < MOST_SHOWN:
            self.bad.append(f"{where}: {reason}")


def read_rows(
    files: Sequence[Path],
    columns: Columns,
    *,
    delimiter: str | None = None,
    skip_bad_rows: bool = False,
    on_progress: Progress = lambda path, done: None,
) -> tuple[RawRows, Columns]:
    """Read files with the same columns, one after the other.

    Args:
        files: What :func:`tidegate.data.tables.open_table` takes.
        columns: As the user names them.
        delimiter: Of CSV.
        skip_bad_rows: Leave rows out that cannot be read or used, rather than refuse them.
        on_progress: Is told, every few thousand rows, which file is read, and the share of it; 1
            at its end, also where that is an error.

    Returns:
        The rows, and the columns with those that were found by their names.

    Raises:
        ArgumentError: A column is missing, or several could be meant.
        DataError: A file cannot be read; or a row, and bad rows are not to be skipped.
    """
    rows = RawRows()
    # Answers are few and often: each is kept once.
    known: dict[Any, Any] = {}
    for path in files:
        on_progress(path, 0.0)
        try:
            columns = _read_file(path, rows, columns, known, delimiter, on_progress)
        finally:
            on_progress(path, 1.0)
    check_bad(rows, skip_bad_rows)
    if not len(rows):
        raise DataError(f"{', '.join(map(str, files))}: expected rows after the header, got none")
    return rows, columns


def _read_file(
    path: Path,
    rows: RawRows,
    columns: Columns,
    known: dict[Any, Any],
    delimiter: str | None,
    on_progress: Progress,
) -> Columns:
    """Add the rows of a file; gives the columns with those that were found."""
    table = open_table(path, delimiter=delimiter)
    columns = complete(columns, table)
    rows.files.append((len(rows), path))
    text, answers, split, group = columns.text, columns.answers, columns.split, columns.group
    assert text is not None
    one = answers[0] if len(answers) == 1 else None
    for row in table.rows():
        if isinstance(row, BadRow):
            rows.refuse(f"{path}:{row.line}", row.reason)
            continue
        values = row.values
        answer = values.get(one) if one else tuple(values.get(name) for name in answers)
        reason = _unusable(values.get(text), text, answer, answers)
        if reason is not None:
            rows.refuse(f"{path}:{row.line}", reason)
            continue
        rows.texts.append(values[text])
        rows.keys.append(hash_of(same_text(values[text])))
        rows.answers.append(_once(answer, known))
        rows.lines.append(row.line)
        if split is not None:
            rows.splits.append(_once(values.get(split), known))
        if group is not None:
            rows.groups.append(hash_of(str(values.get(group))))
        if len(rows) % TOLD_EVERY == 0:
            on_progress(path, table.done)
    return columns


def _once(value: Any, known: dict[Any, Any]) -> Any:
    """The value, or the equal one that is kept already."""
    if isinstance(value, str) and len(value) <= 100 and len(known) < MOST_KNOWN:
        return known.setdefault(value, value)
    return value


def check_bad(rows: Counted, skip_bad_rows: bool) -> None:
    """Refuse rows that are bad, unless they are to be skipped.

    Raises:
        DataError: With the first of them, and how to go on.
    """
    if rows.num_bad and (not skip_bad_rows or not len(rows)):
        more = rows.num_bad - len(rows.bad)
        listed = "".join(f"\n  {bad}" for bad in rows.bad)
        raise DataError(
            f"expected rows that can be used, got {rows.num_bad:,} of "
            f"{rows.num_bad + len(rows):,} that cannot:{listed}"
            + (f"\n  and {more:,} more" if more else "")
            + "\nmend them, or leave them out with --skip-bad-rows"
        )


def _unusable(text: Any, column: str, answer: Any, answers: tuple[str, ...]) -> str | None:
    """Why a row has no use, if it has none."""
    if not isinstance(text, str):
        got = "none" if text is None else f"{type(text).__name__} {str(text)[:40]!r}"
        return f"expected a text in the column {column}, got {got}"
    if not text or text.isspace():
        return f"expected a text in the column {column}, got an empty one"
    if "\ud800" <= max(text) <= "\udfff" and not _is_whole(text):
        return f"expected whole characters in the column {column}, got half a surrogate pair"
    values = answer if isinstance(answer, tuple) else (answer,)
    for name, value in zip(answers, values, strict=True):
        if value is None or (isinstance(value, str) and not value.strip()):
            return f"expected an answer in the column {name}, got none"
    return None


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
