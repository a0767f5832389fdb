"""Texts without labels, read in chunks from parquet, JSON lines, text files or IMDB's archive.

Nothing is read further than the chunk at hand, so a file may be larger than memory; only IMDB's
own archive, of a known size, is read at once.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.data.sources import acl_imdb
from tidegate.errors import DataError
from tidegate.storage import json_file, regular

CHUNK_TEXTS = 2_000
MOST_LINE_BYTES = 1 << 24
COLUMNS = ("text", "review", "sentence")
"""Names under which a text is taken for one, in this order."""


def read(
    path: Path, *, column: str | None = None, chunk_texts: int = CHUNK_TEXTS
) -> Iterator[list[str]]:
    """Read the texts of a file in chunks; errors that the first look shows are raised at once.

    Args:
        path: By its name ``.parquet``; ``.jsonl``, a JSON text or object on each line; ``.txt``,
            a text on each line; or the official IMDB archive or folder, of which ``train/unsup``
            is read. Blank lines hold no text.
        column: Which column, or key of the objects, holds the texts; otherwise ``text``,
            ``review`` or ``sentence``, or the only one with texts.
        chunk_texts: Texts of a chunk; the last has fewer.

    Raises:
        DataError: There is nothing, or something else, at the path; no column or several could be
            meant; or, when it is come to, a text is missing or not UTF-8.
    """
    try:
        is_folder = path.is_dir()
        if not is_folder:
            regular.check_regular(path, follow=True)
    except FileNotFoundError:
        raise DataError(f"{path}: expected a file with texts, got nothing there") from None
    except OSError as error:
        raise DataError(
            f"{path}: expected a file with texts, or a folder, got: {error.strerror}"
        ) from error
    if is_folder or path.name.endswith((".tar.gz", ".tgz", ".tar")):
        return _chunks(acl_imdb.unlabelled(path), chunk_texts)
    if path.suffix == ".parquet":
        return _chunks(_from_parquet(path, column), chunk_texts)
    if path.suffix == ".jsonl":
        return _chunks(_from_json_lines(path, column), chunk_texts)
    if path.suffix == ".txt":
        return _chunks((text for _, text in _lines(path)), chunk_texts)
    raise DataError(
        f"{path}: expected a .parquet, .jsonl or .txt file, or the official IMDB archive or its "
        f"folder, got {path.suffix or 'a name without an ending'}"
    )


def _chunks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    stream = iter(texts)
    while chunk := list(islice(stream, size)):
        yield chunk


def _choose(where: str, names: Sequence[str], with_texts: Sequence[str], asked: str | None) -> str:
    """The column that holds the texts."""
    listed = ", ".join(names) or "none"
    if asked is not None:
        if asked not in with_texts:
            raise DataError(f"{where}: expected texts in the column {asked}, got {listed}")
        return asked
    for name in COLUMNS:
        if name in with_texts:
            return name
    if len(with_texts) != 1:
        raise DataError(
            f"{where}: expected a column of texts named {', '.join(COLUMNS)}, or only one column "
            f"of texts, got {len(with_texts)} of them in the columns {listed}; name it"
        )
    return with_texts[0]


def _from_parquet(path: Path, column: str | None) -> Iterator[str]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: expected a parquet file, got {error}") from error
    schema = file.schema_arrow
    with_texts = [field.name for field in schema if _is_text(field.type)]
    return _rows(path, file, _choose(str(path), schema.names, with_texts, column))


def _rows(path: Path, file: pq.ParquetFile, column: str) -> Iterator[str]:
    row = 0
    with file:
        batches = file.iter_batches(CHUNK_TEXTS, columns=[column], use_threads=False)
        while True:
            try:
                texts = next(batches).column(0)
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                reason = " ".join(str(error).split())
                raise DataError(
                    f"{path}: expected a whole parquet file, got {reason} after {row:,} texts"
                ) from error
            if texts.null_count:
                missing = row + texts.is_null().index(True).as_py()
                raise DataError(
                    f"{path}: expected a text in every row of {column}, got none in row "
                    f"{missing}, counted from 0"
                )
            row += len(texts)
            yield from texts.to_pylist()


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    is_kind = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_one(kind) for is_one in is_kind)


def _from_json_lines(path: Path, column: str | None) -> Iterator[str]:
    chosen = column
    for number, line in _lines(path):
        try:
            value: Any = json_file.parse(line)
        except ValueError as error:
            raise DataError(f"{path}:{number}: expected JSON on each line, got {error}") from error
        if isinstance(value, dict):
            if chosen is None:
                with_texts = [name for name, part in value.items() if isinstance(part, str)]
                chosen = _choose(f"{path}:{number}", list(value), with_texts, None)
            value = value.get(chosen)
        if not isinstance(value, str):
            key = f" under {chosen!r}" if chosen else ""
            raise DataError(f"{path}:{number}: expected a text{key}, got {line[:60]}")
        yield value


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1."""
    with os.fdopen(regular.open_regular(path, follow=True), "rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MOST_LINE_BYTES + 1), b""), 1):
            if len(line) > MOST_LINE_BYTES:
                raise DataError(
                    f"{path}:{number}: expected lines of at most {MOST_LINE_BYTES:,} bytes, got a "
                    "longer one"
                )
            try:
                text = line.decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}:{number}: expected UTF-8 text, got byte 0x{line[error.start]:02x} at "
                    f"position {error.start}"
                ) from error
            if text.strip():
                yield number, text
