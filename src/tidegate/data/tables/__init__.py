"""Files of rows: CSV, JSON lines, parquet, plain texts, and folders of texts, one row at a time."""

from pathlib import Path

from tidegate.data.tables.byte_stream import STANDARD_INPUT
from tidegate.data.tables.csv_table import DELIMITERS, CsvTable
from tidegate.data.tables.folder_table import ClassFolders
from tidegate.data.tables.line_tables import JsonLines, TextLines
from tidegate.data.tables.parquet_table import ParquetTable
from tidegate.data.tables.table import BadRow, Row, Table
from tidegate.errors import DataError
from tidegate.storage.regular import is_folder

FORMATS = ("csv", "tsv", "jsonl", "parquet", "txt")
_BY_SUFFIX = {".ndjson": "jsonl", ".pq": "parquet", **{f".{name}": name for name in FORMATS}}

__all__ = [
    "FORMATS",
    "STANDARD_INPUT",
    "BadRow",
    "Row",
    "Table",
    "format_of",
    "looks_like_a_path",
    "open_table",
]


def open_table(path: Path, *, format: str | None = None, delimiter: str | None = None) -> Table:
    """Open a file of rows, or a folder of texts.

    Args:
        path: By its name ``.csv``, ``.tsv``, ``.jsonl`` (or ``.ndjson``), ``.parquet`` or ``.txt``
            (a text a line), the first three and the last also gzipped (``.csv.gz``); a folder
            with a folder for each class; ``-`` for standard input.
        format: One of :data:`FORMATS`, whatever the name says.
        delimiter: What stands between the fields of CSV, a character; by default a comma, or of
            TSV a tab.

    Raises:
        DataError: There is nothing there, or nothing that can be read.
    """
    if path != STANDARD_INPUT and is_folder(path):
        return ClassFolders(path)
    kind = format or ("txt" if path == STANDARD_INPUT else format_of(path))
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise DataError(f"delimiter: expected one character, no quote, got {delimiter!r}")
    if kind in ("csv", "tsv"):
        return CsvTable(path, delimiter or DELIMITERS[f".{kind}"])
    if delimiter is not None:
        raise DataError(f"{path}: expected a delimiter for CSV alone, got one for {kind}")
    if kind == "jsonl":
        return JsonLines(path)
    if kind == "parquet":
        if path == STANDARD_INPUT:
            raise DataError("standard input: expected csv, tsv, jsonl or txt, got parquet")
        return ParquetTable(path)
    return TextLines(path)


def format_of(path: Path) -> str:
    """The format that a file's name says.

    Raises:
        DataError: It says none that is known.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    last = suffixes[-2:-1] if suffixes[-1:] == [".gz"] else suffixes[-1:]
    kind = _BY_SUFFIX.get("".join(last))
    if kind is None or (kind == "parquet" and suffixes[-1] == ".gz"):
        raise DataError(
            f"{path}: expected a file named .csv, .tsv, .jsonl, .parquet or .txt, plain or with "
            f".gz behind (but .parquet), or a folder of texts, got "
            f"{path.suffix or 'a name without an ending'}"
        )
    return kind


def looks_like_a_path(name: str) -> bool:
    """Whether a name means a file or folder of the user's, rather than a data set of tidegate's."""
    return "/" in name or "." in name or is_folder(Path(name))
