"""Rows of ``.parquet`` files, by Arrow, some at a time."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tidegate.data.tables.table import BadRow, Row
from tidegate.errors import DataError, MissingPackageError
from tidegate.storage import regular

CHUNK_ROWS = 2_000


class ParquetTable:
    """A parquet file.

    Args:
        path: The file.

    Raises:
        DataError: There is no such file, or it is no parquet file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_rows = 0
        with self._open() as file:
            self.schema: Any = file.schema_arrow
            self.columns: tuple[str, ...] = tuple(self.schema.names)
            self.num_rows: int = file.metadata.num_rows
        if len({*self.columns}) < len(self.columns):
            raise DataError(f"{path}: expected every column once, got {', '.join(self.columns)}")

    def head(self, count: int) -> list[Row | BadRow]:
        """The first rows, at most so many."""
        return [*islice(self.rows(), count)]

    @property
    def done(self) -> float:
        """The share of the rows that have been read."""
        return self._read_rows / self.num_rows if self.num_rows else 1.0

    def rows(self) -> Iterator[Row | BadRow]:
        """The rows in order; their numbers count from 1."""
        first = 1
        for batch in self.batches(self.columns, CHUNK_ROWS):
            columns = [column.to_pylist() for column in batch.columns]
            for number, values in enumerate(zip(*columns, strict=True), first):
                yield Row(number, dict(zip(self.columns, values, strict=True)))
            first += len(batch)

    def batches(self, columns: Sequence[str], num_rows: int) -> Iterator[Any]:
        """Some columns as Arrow's record batches of at most so many rows, in order.

        Raises:
            DataError: The file cannot be read on from here.
        """
        import pyarrow as pa

        self._read_rows = 0
        with self._open() as file:
            # Without threads: with them, Arrow reads ahead without bound.
            batches = file.iter_batches(num_rows, columns=[*columns], use_threads=False)
            while True:
                try:
                    batch = next(batches)
                except StopIteration:
                    return
                except (pa.ArrowException, OSError) as error:
                    raise self._damaged(error, f" after {self._read_rows:,} rows") from error
                self._read_rows += len(batch)
                yield batch

    def _open(self) -> Any:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ModuleNotFoundError as error:
            raise MissingPackageError(
                f"{self.path}: expected the package pyarrow, which reads parquet files, got none: "
                "pip install pyarrow"
            ) from error
        try:
            regular.check_regular(self.path, follow=True)
            return pq.ParquetFile(self.path)
        except FileNotFoundError:
            raise DataError(f"{self.path}: expected a file, got nothing there") from None
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: BaseException, after: str = "") -> DataError:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        return DataError(f"{self.path}: expected a whole parquet file, got{after}: {reason}")
