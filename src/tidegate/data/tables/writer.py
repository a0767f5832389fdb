"""Rows into a file of the format its name says, or to standard output; whole or not at all."""

import csv
import gzip
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TextIO, cast

from tidegate.data.tables.csv_table import DELIMITERS
from tidegate.errors import DataError
from tidegate.storage.regular import is_folder

Rows = Sequence[Mapping[str, Any]]


class Writer(Protocol):
    """Takes rows in order."""

    def write(self, rows: Rows) -> None:
        """Write some rows, all with the same columns."""


class _Csv:
    def __init__(self, file: TextIO, columns: Sequence[str], delimiter: str) -> None:
        self.columns = columns
        self._writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        self._writer.writerow(columns)

    def write(self, rows: Rows) -> None:
        columns = self.columns
        self._writer.writerows(
            [v if type(v) is str else _field(v) for v in map(row.get, columns)] for row in rows
        )


class _Json:
    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, rows: Rows) -> None:
        self._file.writelines(
            json.dumps(dict(row), ensure_ascii=False, default=str) + "\n" for row in rows
        )


class _Parquet:
    def __init__(self, file: BinaryIO, columns: Sequence[str], like: Any) -> None:
        self._file, self.columns, self._like = file, columns, like
        self._writer: Any = None

    def write(self, rows: Rows) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        listed = {name: [row.get(name) for row in rows] for name in self.columns}
        try:
            if self._writer is None:
                own = {} if self._like is None else {part.name: part for part in self._like}
                fields = [
                    own.get(name) or pa.field(name, pa.array(values).type)
                    for name, values in listed.items()
                ]
                self._writer = pq.ParquetWriter(self._file, pa.schema(fields))
            self._writer.write_table(pa.table(listed, schema=self._writer.schema))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"parquet: expected values of one type in every column, got: {error}; write .jsonl"
            ) from error

    def close(self) -> None:
        if self._writer is None:
            self.write([])
        self._writer.close()

    def drop(self) -> None:
        """Close what was not closed because of an error."""
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()


@contextmanager
def open_writer(
    path: Path | None,
    columns: Sequence[str],
    format: str,
    *,
    delimiter: str | None = None,
    overwrite: bool = False,
    like: Any = None,
) -> Iterator[Writer]:
    """Write rows in the block; a file has its name only when the block ends well.

    Args:
        path: The file; with ``.gz`` at its end it is gzipped. None for standard output.
        columns: The names of the columns, in order.
        format: ``csv``, ``tsv``, ``jsonl`` or ``parquet``.
        delimiter: Between the fields of CSV.
        overwrite: Replace a file that is there.
        like: Arrow's schema of the file that the rows come from, where that is parquet.

    Raises:
        DataError: Something is at ``path``, or cannot be written.
    """
    if path is None:
        if format == "parquet":
            raise DataError("standard output: expected csv, tsv or jsonl, got parquet; use --out")
        yield _text_writer(sys.stdout, columns, format, delimiter)
        sys.stdout.flush()
        return
    check_free(path, overwrite=overwrite)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with ExitStack() as opened:
            raw: Any = opened.enter_context(part.open("xb"))
            if path.suffix == ".gz":
                raw = opened.enter_context(gzip.GzipFile(fileobj=raw, mode="wb", mtime=0))
            if format == "parquet":
                parquet = _Parquet(cast(BinaryIO, raw), columns, like)
                opened.callback(parquet.drop)
                yield parquet
                parquet.close()
            else:
                # Not buffered, lest what a full disk refused is tried again when it is closed.
                text = io.TextIOWrapper(raw, "utf-8", newline="", write_through=True)
                opened.callback(text.detach)
                yield _text_writer(text, columns, format, delimiter)
        part.replace(path)
    except OSError as error:
        raise DataError(
            f"{path}: expected to write it, got: {error.strerror or error}; nothing was written"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a place where something is, or that is in no folder.

    Raises:
        DataError: What is there, and how to go on.
    """
    if is_folder(path):
        raise DataError(f"{path}: expected the name of a new file, got a folder")
    if os.path.lexists(path) and not overwrite:
        raise DataError(
            f"{path}: expected the name of a new file, got one that is there; choose another, or "
            "replace it with --overwrite"
        )
    if not is_folder(path.parent):
        raise DataError(f"{path}: expected a file in a folder that is there, got {path.parent}")


def _text_writer(
    file: TextIO, columns: Sequence[str], format: str, delimiter: str | None
) -> Writer:
    if format == "jsonl":
        return _Json(file)
    return _Csv(file, columns, delimiter or DELIMITERS[f".{format}"])


def _field(value: Any) -> Any:
    """A value as a field of CSV: lists and objects as JSON, nothing as nothing."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
