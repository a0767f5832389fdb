"""Rows of files with one on each line: JSON objects (``.jsonl``) or plain texts (``.txt``)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tidegate.data.tables.byte_stream import ByteStream
from tidegate.data.tables.table import MOST_FIELD_BYTES, BadRow, OnceReadable, Row
from tidegate.errors import DataError
from tidegate.storage import json_file

TEXT = "text"
"""The column of a file of plain texts, and of JSON lines that are texts themselves."""

MOST_BAD_FIRST = 20
"""Bad rows that may come before the first object, which tells the columns."""


class TextLines(OnceReadable):
    """A text on each line, in a column ``text``; blank lines are empty texts.

    Args:
        path: The file, plain or gzipped; ``-`` for standard input.
    """

    columns: tuple[str, ...] = (TEXT,)

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = ByteStream(path)
        super().__init__()

    @property
    def done(self) -> float:
        """The share of the file that has been read."""
        return self._stream.done

    def _read(self) -> Iterator[Row | BadRow]:
        for row in _lines(self._stream):
            yield row if isinstance(row, BadRow) else Row(row[0], {TEXT: row[1]})


class JsonLines(OnceReadable):
    """A JSON object on each line; a text alone is one in the column ``text``.

    Blank lines are no rows.

    Args:
        path: The file, plain or gzipped; ``-`` for standard input.

    Raises:
        DataError: There is no such file, or it is empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = ByteStream(path)
        super().__init__()
        first = self.head(MOST_BAD_FIRST)
        if not first:
            raise DataError(f"{self._stream.name}: expected a JSON object on each line, got none")
        for row in first:
            if isinstance(row, Row):
                self.columns: tuple[str, ...] = tuple(row.values)
                return
        bad = first[0]
        reason = bad.reason if isinstance(bad, BadRow) else ""
        raise DataError(f"{self._stream.name}:{bad.line}: {reason}")

    @property
    def done(self) -> float:
        """The share of the file that has been read."""
        return self._stream.done

    def _read(self) -> Iterator[Row | BadRow]:
        for row in _lines(self._stream):
            if isinstance(row, BadRow):
                yield row
                continue
            line, text = row
            if not text.strip():
                continue
            try:
                value: Any = json_file.parse(text)
            except ValueError as error:
                yield BadRow(line, f"expected JSON, got {_start(text)}: {error}")
                continue
            if isinstance(value, str):
                value = {TEXT: value}
            if isinstance(value, dict):
                yield Row(line, value)
            else:
                yield BadRow(line, f"expected a JSON object or a text, got {_start(text)}")


def _lines(stream: ByteStream) -> Iterator[tuple[int, str] | BadRow]:
    """The number and the text of each line."""
    with stream.open() as file:
        for number, line in enumerate(iter(lambda: file.readline(MOST_FIELD_BYTES + 1), b""), 1):
            if len(line) > MOST_FIELD_BYTES:
                raise DataError(
                    f"{stream.name}:{number}: expected lines of at most {MOST_FIELD_BYTES:,} "
                    "bytes, got a longer one"
                )
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            try:
                yield number, line.decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                yield BadRow(
                    number,
                    f"expected UTF-8, got byte 0x{line[error.start]:02x} at position {error.start}",
                )


def _start(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}...")
