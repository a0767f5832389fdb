"""Texts without labels, in chunks: from files of the user's, or from a data set's own archive.

Nothing is read further than the chunk at hand, so a file may be larger than memory; only an
archive, of a known size, is read at once.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tidegate.data.columns import Columns
from tidegate.data.own_texts.columns import complete
from tidegate.data.sources import registry
from tidegate.data.tables import BadRow, open_table
from tidegate.errors import ArgumentError, DataError
from tidegate.storage.regular import is_folder

CHUNK_TEXTS = 2_000
ARCHIVES = (".tar.gz", ".tgz", ".tar")


def read(
    path: Path, *, column: str | None = None, chunk_texts: int = CHUNK_TEXTS
) -> Iterator[list[str]]:
    """Read the texts of a file in chunks; errors that the first look shows are raised at once.

    Args:
        path: What :func:`~tidegate.data.tables.open_table` reads; or the archive, or folder, of a
            data set that has texts without labels. Empty texts are left out.
        column: The column of the texts; otherwise it is found by its name, or is the only one.
        chunk_texts: Texts of a chunk; the last has fewer.

    Raises:
        DataError: There is nothing, or something else, at the path; no column or several could be
            meant; or, when it is come to, a text is missing or not UTF-8.
    """
    if path.name.endswith(ARCHIVES) or is_folder(path):
        return _chunks(_of_archive(path), chunk_texts)
    table = open_table(path)
    try:
        name = complete(Columns(text=column), table, answers=False).text
    except ArgumentError as error:
        raise DataError(f"{path}: {error.reason}") from error

    def texts() -> Iterator[str]:
        for row in table.rows():
            if isinstance(row, BadRow):
                raise DataError(f"{path}:{row.line}: {row.reason}")
            text: Any = row.values.get(str(name))
            if not isinstance(text, str):
                got = "none" if text is None else repr(text)[:60]
                raise DataError(
                    f"{path}:{row.line}: expected a text in the column {name}, got {got}"
                )
            if text and not text.isspace():
                yield text

    return _chunks(texts(), chunk_texts)


def _of_archive(path: Path) -> list[str]:
    """The texts of the first data set whose archive or folder it is."""
    errors = []
    for name in registry.names():
        unlabelled = registry.get(name).unlabelled
        if unlabelled is not None:
            try:
                return unlabelled(path)
            except DataError as error:
                errors.append(str(error))
    raise DataError("; ".join(errors))


def _chunks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    stream = iter(texts)
    while chunk := list(islice(stream, size)):
        yield chunk
