"""A growing array of steps, in memory while it is small and in a temporary file beyond that."""

import mmap
import tempfile
import weakref
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError

MOST_BYTES_IN_MEMORY = 1 << 26
"""What an array may take in memory: 64 MB. A larger one is a memory map of a temporary file."""


class StepBuffer:
    """Rows of numbers that are appended in chunks and become one array.

    Args:
        dtype: The type of the numbers.
        width: The numbers of a row; None for an array of one dimension.
    """

    def __init__(self, dtype: Any, width: int | None = None) -> None:
        self._dtype = np.dtype(dtype)
        self._shape = () if width is None else (width,)
        self._chunks: list[NDArray[Any]] = []
        self._num_bytes = 0
        self._file: IO[bytes] | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows, shape (number of rows, width) or (number of rows,).

        Raises:
            DataError: The temporary folder has no room for the file.
        """
        chunk = np.array(rows, self._dtype).reshape(-1, *self._shape)
        self._chunks.append(chunk)
        self._num_bytes += chunk.nbytes
        self._length += len(chunk)
        if self._num_bytes > MOST_BYTES_IN_MEMORY:
            self._spill()

    def array(self) -> NDArray[Any]:
        """All rows, (number of rows, width) or (number of rows,): read-only if it is a memory map.

        The buffer can be appended to afterwards; the array does not change then.
        """
        if self._file is None:
            self._chunks = [
                np.concatenate([np.empty((0, *self._shape), self._dtype), *self._chunks])
            ]
            return self._chunks[0]
        self._spill()
        # The map keeps the unnamed file after its descriptor is closed.
        return np.memmap(self._file, self._dtype, "r", shape=(self._length, *self._shape))

    def _spill(self) -> None:
        """Write the chunks to the temporary file."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()
                weakref.finalize(self, self._file.close)
            for chunk in self._chunks:
                self._file.write(np.ascontiguousarray(chunk).tobytes())
            self._file.flush()
        except OSError as error:
            raise DataError(
                f"{tempfile.gettempdir()}: expected room for a temporary file of "
                f"{self._length * self._dtype.itemsize * max(self._shape[:1] or (1,)):,} bytes, "
                f"got: {error.strerror}; name another folder with the variable TMPDIR"
            ) from error
        self._chunks, self._num_bytes = [], 0


def release_pages(array: NDArray[Any] | None) -> None:
    """Give back the memory that a read-only memory map takes; other arrays stay as they are.

    The values remain in the file, and are read again when they are looked at. Without this, all
    pages that were ever looked at count as resident memory of the process.

    Args:
        array: An array of :class:`StepBuffer`, or a view of one.
    """
    base: Any = array
    mode = None
    while isinstance(base, np.ndarray):
        mode = getattr(base, "mode", mode)
        base = base.base
    # Changes of a copy-on-write map ("c") would be lost. Not all systems have this advice.
    if mode == "r" and isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
