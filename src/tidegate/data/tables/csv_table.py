"""Rows of ``.csv`` and ``.tsv`` files, by Python's own reader.

It gives every row as it comes, with its line, so that one bad row costs no more than itself, and a
file may be larger than memory. Bytes that are not UTF-8 become lone surrogates, by which the
row they stand in is known.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.data.tables.byte_stream import ByteStream
from tidegate.data.tables.table import MOST_FIELD_BYTES, BadRow, OnceReadable, Row
from tidegate.errors import DataError

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = {".csv": ",", ".tsv": "\t"}
_OTHERS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}


class CsvTable(OnceReadable):
    """A file of rows with a header, fields between delimiters, in quotes where they need them.

    Args:
        path: The file, plain or gzipped; ``-`` for standard input.
        delimiter: The character between fields.

    Raises:
        DataError: There is no such file, or it has no header.
    """

    def __init__(self, path: Path, delimiter: str = ",") -> None:
        self.path, self.delimiter = path, delimiter
        self._stream = ByteStream(path)
        self.columns: tuple[str, ...] = ()
        super().__init__()
        self.head(1)  # reads the header

    @property
    def done(self) -> float:
        """The share of the file that has been read."""
        return self._stream.done

    def begin_again(self) -> ByteStream:
        """The file's bytes from the beginning, by which :attr:`done` counts from now on."""
        self._stream = ByteStream(self.path)
        return self._stream

    def _read(self) -> Iterator[Row | BadRow]:
        name = self._stream.name
        csv.field_size_limit(MOST_FIELD_BYTES)
        with self._stream.open() as raw:
            text = io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")
            try:
                reader = csv.reader(text, delimiter=self.delimiter, strict=True)
                self.columns = self._header(reader, name)
                yield from self._rows(reader, name)
            finally:
                text.detach()

    def _header(self, reader: "Reader", name: str) -> tuple[str, ...]:
        try:
            header = next(reader, [])
        except csv.Error as error:
            raise DataError(f"{name}:1: expected a header of columns, got: {error}") from error
        if not any(header):
            raise DataError(
                f"{name}: expected a header with the names of the columns in the first line, got "
                f"{'an empty file' if not header else 'empty names'}"
            )
        bad = [column for column in header if not _is_utf8(column)]
        if bad:
            raise DataError(f"{name}:1: expected names of columns in UTF-8, got {_shown(bad[0])}")
        if len({*header}) < len(header):
            twice = next(column for column in header if header.count(column) > 1)
            raise DataError(f"{name}:1: expected every column once, got {twice!r} again")
        if len(header) == 1:
            for other, plural in _OTHERS.items():
                if other != self.delimiter and other in header[0]:
                    raise DataError(
                        f"{name}:1: expected fields between {self.delimiter!r}, got "
                        f"{_shown(header[0])}, which looks like {plural}; give the delimiter "
                        f"{other!r} (--delimiter)"
                    )
        return tuple(header)

    def _rows(self, reader: "Reader", name: str) -> Iterator[Row | BadRow]:
        columns, width = self.columns, len(self.columns)
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader, None)
            except csv.Error as error:
                if "limit" in str(error):
                    raise DataError(
                        f"{name}:{line}: expected fields of at most {MOST_FIELD_BYTES:,} "
                        "characters, got a longer one; is a quote never closed?"
                    ) from error
                if "end of data" in str(error):
                    raise DataError(
                        f"{name}:{line}: expected a quote that begins a field to be closed, got "
                        "the end of the file; close it, or double quotes inside quotes"
                    ) from error
                reason = "a delimiter after a closing quote, and quotes inside quotes doubled"
                yield BadRow(line, f"expected {reason}, got: {error}")
                continue
            if fields is None:
                return
            if not fields:  # a blank line
                continue
            if len(fields) != width:
                count = f"{len(fields)} field{'s' * (len(fields) != 1)}"
                yield BadRow(line, f"expected {width} fields, as the header has, got {count}")
                continue
            bad = None
            if not "".join(fields).isascii():
                bad = next((field for field in fields if not _is_utf8(field)), None)
            if bad is not None:
                yield BadRow(line, f"expected UTF-8, got other bytes in {_shown(bad)}")
                continue
            yield Row(line, dict(zip(columns, fields, strict=True)))


def _is_utf8(field: str) -> bool:
    if field.isascii():
        return True
    try:
        field.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(field: str) -> str:
    """The beginning of a field, bytes that are no text as ``\\xNN``."""
    start = next((i for i, c in enumerate(field) if "\udc80" <= c <= "\udcff"), 0)
    part = field[max(start - 20, 0) : start + 20]
    escaped = part.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return f"'{escaped}'"
