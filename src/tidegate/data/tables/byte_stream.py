"""A file's bytes, unpacked where it is gzipped, and how far they have been read."""

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from tidegate.errors import DataError
from tidegate.storage import regular

STANDARD_INPUT = Path("-")

_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class ByteStream:
    """A file of text in UTF-8, plain or gzipped (by its first bytes), or standard input.

    Args:
        path: The file; ``-`` for standard input, which can be read once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw: BinaryIO | None = None
        self._size = 0

    @property
    def name(self) -> str:
        """For messages."""
        return "standard input" if self.path == STANDARD_INPUT else str(self.path)

    @property
    def done(self) -> float:
        """The share of the file that has been read; 0 where its size is not known."""
        if self._raw is None or not self._size:
            return 0.0
        return 1.0 if self._raw.closed else min(self._raw.tell() / self._size, 1.0)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The unpacked bytes.

        Raises:
            DataError: There is no such file, it is none, or it is not UTF-8 by its first bytes;
                or, within the block, its compression is damaged.
        """
        with self._opened() as raw:
            head = raw.peek(2)[:2] if isinstance(raw, io.BufferedReader) else b""
            if head in _MARKS:
                raise DataError(
                    f"{self.name}: expected UTF-8, got {_MARKS[head]} by its first bytes; convert "
                    f"it: iconv -f {_MARKS[head]} -t UTF-8"
                )
            if head != b"\x1f\x8b":
                yield raw
                return
            try:
                with gzip.open(raw) as unpacked:
                    yield cast(BinaryIO, unpacked)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise DataError(
                    f"{self.name}: expected a whole gzip file, got one that ends or breaks: "
                    f"{error}; copy it again"
                ) from error

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        if self.path == STANDARD_INPUT:
            yield sys.stdin.buffer
            return
        try:
            descriptor = regular.open_regular(self.path, follow=True)
        except FileNotFoundError:
            raise DataError(f"{self.path}: expected a file, got nothing there") from None
        except OSError as error:
            raise DataError(f"{self.path}: expected a file, got: {error.strerror}") from error
        with os.fdopen(descriptor, "rb", buffering=1 << 20) as file:
            self._size = os.fstat(descriptor).st_size
            self._raw = file
            yield file
