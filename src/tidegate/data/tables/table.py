"""What a file of rows is, whatever its format: columns, then rows one after the other."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

MOST_FIELD_BYTES = 1 << 26
"""The largest text of one field, or line of a file: 64 MB."""


class Row(NamedTuple):
    """A row that could be read."""

    line: int
    """Where it begins in the file: the number of its line, or of a parquet file its row, from 1."""
    values: dict[str, Any]
    """By column, in the order of the file: texts, or what JSON and parquet have; None for none."""


class BadRow(NamedTuple):
    """A row that could not be read; those after it can."""

    line: int
    reason: str
    """What was expected and what came."""


class Table(Protocol):
    """A file of rows. It is read from its beginning by each call of :meth:`rows`, never whole."""

    path: Path
    columns: tuple[str, ...]
    """The names of the columns; of JSON lines, the keys of the first line."""

    def rows(self) -> Iterator[Row | BadRow]:
        """The rows in order, some of them perhaps bad.

        Raises:
            DataError: The file cannot be read on from here.
        """

    def head(self, count: int) -> list[Row | BadRow]:
        """The first rows, at most so many; :meth:`rows` gives them again."""

    @property
    def done(self) -> float:
        """The share of the file that the last :meth:`rows` has read, from 0 to 1."""


class OnceReadable(ABC):
    """A table of which the rows may come only once, as those of standard input do.

    Rows that are looked at before they are asked for are kept until then.
    """

    def __init__(self) -> None:
        self._coming: Iterator[Row | BadRow] | None = self._read()
        self._looked_at: list[Row | BadRow] = []

    @abstractmethod
    def _read(self) -> Iterator[Row | BadRow]:
        """The rows from the beginning."""

    def head(self, count: int) -> list[Row | BadRow]:
        """The first rows, at most so many."""
        if self._coming is None:
            return [*islice(self._read(), count)]
        missing = count - len(self._looked_at)
        self._looked_at += islice(self._coming, max(missing, 0))
        return self._looked_at[:count]

    def rows(self) -> Iterator[Row | BadRow]:
        """The rows in order."""
        if self._coming is None:
            return self._read()
        rows = chain(self._looked_at, self._coming)
        self._coming, self._looked_at = None, []
        return rows
