"""Prediction for a file: its rows with a model's answers beside them, in constant memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidegate.data.columns import Columns
from tidegate.data.own_texts.columns import complete
from tidegate.data.preprocessing import Reading
from tidegate.data.tables import BadRow, Row, Table
from tidegate.data.tables.writer import open_writer
from tidegate.errors import ArgumentError, DataError
from tidegate.inference.answers import answer_columns, as_columns
from tidegate.inference.predictor import Predictor

CHUNK_ROWS, CHUNK_CHARACTERS = 4_096, 1 << 22
"""The most rows and characters in memory at once, except for a longer single text."""
MOST_SHOWN = 20
"""Bad rows that are reported one by one; the others are only counted."""


@dataclass
class Predicted:
    """Counts of the rows of a file: answered, and without an answer."""

    num_rows: int = 0
    """Rows with an answer."""
    num_bad: int = 0
    """Rows without an answer, because they or their texts could not be read."""
    reading: Reading = field(default_factory=Reading)
    """Counts of unknown tokens and of texts that were cut."""


def predict_rows(
    model: Predictor,
    table: Table,
    out: Path | None,
    format: str,
    *,
    text: str | None = None,
    top_k: int = 1,
    delimiter: str | None = None,
    strict: bool = False,
    overwrite: bool = False,
    on_bad: Callable[[str], None] = lambda message: None,
    on_progress: Callable[[Predicted, float], None] = lambda predicted, done: None,
) -> Predicted:
    """Write every row with the answer to its text, in order, its other columns kept.

    A row whose text cannot be used stays in its place with no answer; a line that is no row is
    left out. Both are reported and counted.

    Args:
        model: A trained model.
        table: The rows.
        out: The file to write, which appears only when it is complete; None for standard output.
        format: ``csv``, ``tsv``, ``jsonl`` or ``parquet``.
        text: The column of the texts; by default that of the model's training, where the table
            has it, or the one that looks like it.
        top_k: Number of most probable classes for each text.
        delimiter: Character between the fields of a CSV file that is written.
        strict: Raise an error for the first bad row.
        overwrite: Replace an existing file.
        on_bad: Called with a message for each of the first bad rows.
        on_progress: Called after each chunk with the counts so far, and the share of the table
            that was read, from 0 to 1.

    Returns:
        Counts of the rows, and of unknown tokens.

    Raises:
        ArgumentError: There is no such column, or ``top_k`` exceeds the number of classes.
        DataError: The table cannot be read to its end, ``out`` cannot be written, or ``strict`` was
            given and a row is bad.
    """
    column = _text_column(model, table, text)
    added = answer_columns(model.task, top_k)
    taken = [name for name in added if name in table.columns]
    if taken:
        raise DataError(
            f"{table.path}: expected no column {taken[0]}, which answers are written to, got one; "
            "rename it"
        )
    predicted = Predicted()
    schema = getattr(table, "schema", None)
    with open_writer(
        out,
        (*table.columns, *added),
        format,
        delimiter=delimiter,
        overwrite=overwrite,
        like=schema,
    ) as writer:
        for chunk in _chunks(table, column):
            good: list[Row] = []
            for row in chunk:
                reason = row.reason if isinstance(row, BadRow) else _bad(row.values.get(column))
                if reason is None:
                    assert isinstance(row, Row)
                    good.append(row)
                    continue
                where = f"{table.path}:{row.line}: {reason}"
                if strict:
                    raise DataError(where)
                predicted.num_bad += 1
                if predicted.num_bad <= MOST_SHOWN:
                    on_bad(where)
            _answer(model, good, column, added, top_k, predicted)
            writer.write([row.values for row in chunk if isinstance(row, Row)])
            on_progress(predicted, table.done)
    return predicted


def _answer(
    model: Predictor,
    rows: list[Row],
    column: str,
    added: Sequence[str],
    top_k: int,
    predicted: Predicted,
) -> None:
    """Answer some rows, and write the answers into them."""
    texts = [row.values[column] for row in rows]
    outputs, reading = model.answer(texts)
    predicted.num_rows += len(texts)
    assert isinstance(reading, Reading)
    predicted.reading += reading
    for name, values in zip(added, as_columns(model.task, outputs, top_k), strict=True):
        for row, value in zip(rows, values, strict=True):
            row.values[name] = value


def _chunks(table: Table, column: str) -> Iterator[list[Row | BadRow]]:
    chunk: list[Row | BadRow] = []
    size = 0
    for row in table.rows():
        chunk.append(row)
        value = row.values.get(column) if isinstance(row, Row) else None
        size += len(value) if isinstance(value, str) else 0
        if len(chunk) >= CHUNK_ROWS or size >= CHUNK_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _text_column(model: Predictor, table: Table, text: str | None) -> str:
    columns = model.folder.columns
    own = columns.text if isinstance(columns, Columns) else None
    if text is None and own in table.columns:
        return str(own)
    try:
        column = complete(Columns(text=text), table, answers=False).text
    except ArgumentError as error:
        raise ArgumentError("text_column", error.reason) from error
    assert column is not None
    return column


def _bad(text: Any) -> str | None:
    if not isinstance(text, str):
        got = "none" if text is None else f"{type(text).__name__} {str(text)[:40]!r}"
        return f"expected a text, got {got}"
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return "expected whole characters, got half a surrogate pair"
    return None
