"""Series: sequences of numbers with one or several channels, of equal or unequal lengths."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.series.steps import MOST_BYTES_IN_MEMORY, StepBuffer, release_pages
from tidegate.errors import DataError

_HASHED_AT_ONCE = 1 << 20
"""Steps that are hashed at once, so that little of a memory map is in memory."""


@dataclass(frozen=True)
class SeriesSet:
    """Several series of the same channels, laid one after the other."""

    values: Ragged
    """The number at every step and in every channel, float32 (P, I), where P is the sum of the
    lengths; NaN for a missing value, never infinite. May be a memory map."""
    channels: tuple[str, ...]
    """The names of the I channels."""
    times: NDArray[np.float64] | None = None
    """When each step was, (P,), ascending within a series: seconds since 1970 for dates, else the
    unit of the data; None where steps are only counted."""
    ids: tuple[str, ...] | None = None
    """The name of each series, for answers and messages; None for their numbers."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def num_steps(self) -> int:
        """P, the steps of all series together."""
        return int(self.values.offsets[-1] - self.values.offsets[0])

    @classmethod
    def from_arrays(
        cls,
        arrays: Sequence[Any],
        *,
        channels: Sequence[str] | None = None,
        times: Sequence[Any] | None = None,
        ids: Sequence[str] | None = None,
    ) -> "SeriesSet":
        """The set of some arrays.

        Args:
            arrays: For each series its numbers, (T, I), or (T,) for a single channel.
            channels: Names of the channels; by default ``0``, ``1`` and so on.
            times: For each series the time of every step, (T,).
            ids: The name of each series.

        Raises:
            DataError: An array of another shape, or with an infinite value.
        """
        rows = [_two_dimensional(array, number) for number, array in enumerate(arrays)]
        width = rows[0].shape[1] if rows else len(channels or ())
        for number, row in enumerate(rows):
            if row.shape[1] != width:
                raise DataError(
                    f"series {number}: expected {width} channels as in the first series, got "
                    f"{row.shape[1]}"
                )
        values = np.concatenate([np.empty((0, width), np.float32), *rows])
        made = cls(
            Ragged(values, offsets_of([len(row) for row in rows])),
            tuple(channels) if channels is not None else tuple(map(str, range(width))),
            None if times is None else np.concatenate([np.empty(0), *times]),
            None if ids is None else tuple(ids),
        )
        if len(made.channels) != width:
            raise DataError(f"series: expected {width} names of channels, got {len(made.channels)}")
        made.check_finite()
        return made

    def name(self, row: int) -> str:
        """The name of a series for a message, for example ``series 3``."""
        return f"series {row if self.ids is None else self.ids[row]}"

    def take(self, rows: Any) -> "SeriesSet":
        """The series of some rows, in their order.

        Args:
            rows: Row numbers, shape (number of rows,), or a slice.

        Returns:
            New arrays; of a large set views of these ones, or memory maps.
        """
        numbers = np.arange(len(self))[rows]
        ids = None if self.ids is None else tuple(self.ids[row] for row in numbers.tolist())
        width = max(len(self.channels), 1)
        if self.num_steps * width * self.values.values.itemsize > MOST_BYTES_IN_MEMORY:
            return self._take_large(numbers, ids)
        times = None
        if self.times is not None:
            times = Ragged(self.times, self.values.offsets).take(numbers).values
        return SeriesSet(self.values.take(numbers), self.channels, times, ids)

    def _take_large(self, numbers: NDArray[np.int64], ids: tuple[str, ...] | None) -> "SeriesSet":
        """The series of some rows, as views or memory maps rather than copies in memory."""
        offsets = offsets_of(self.values.lengths()[numbers])
        if len(numbers) and (np.diff(numbers) == 1).all():
            part = slice(self.values.offsets[numbers[0]], self.values.offsets[numbers[-1] + 1])
            times = None if self.times is None else self.times[part]
            return SeriesSet(Ragged(self.values.values[part], offsets), self.channels, times, ids)
        values = StepBuffer(self.values.values.dtype, len(self.channels))
        buffer = None if self.times is None else StepBuffer(np.float64)
        # Groups of series that together begin in one stretch of so many steps.
        for group in np.split(
            numbers, np.flatnonzero(np.diff(offsets[:-1] // _HASHED_AT_ONCE)) + 1
        ):
            values.append(self.values.take(group).values)
            if buffer is not None and self.times is not None:
                buffer.append(Ragged(self.times, self.values.offsets).take(group).values)
            release_pages(self.values.values)
            release_pages(self.times)
        taken = None if buffer is None else buffer.array()
        return SeriesSet(Ragged(values.array(), offsets), self.channels, taken, ids)

    def times_of(self, row: int) -> NDArray[np.float64] | None:
        """The times of a series' steps, (T,); None where steps are only counted."""
        if self.times is None:
            return None
        first, last = self.values.offsets[row : row + 2]
        return self.times[first:last]

    def check_finite(self) -> None:
        """Check that no value is infinite; NaN stands for a missing value, and may be there.

        Raises:
            DataError: With the series, the step and the channel.
        """
        for row in range(len(self)):
            is_infinite = np.isinf(self.values[row])
            if is_infinite.any():
                step, channel = np.argwhere(is_infinite)[0]
                raise DataError(
                    f"{self.name(row)}, step {step}, channel {self.channels[channel]}: expected a "
                    f"finite number or none, got {self.values[row][step, channel]}"
                )

    def hashes(self) -> NDArray[np.uint64]:
        """64 bits of the SHA-256 of each series' values, (number of series,): equal for copies."""
        hashes = [int.from_bytes(_digest(self.values[row])[:8], "big") for row in range(len(self))]
        release_pages(self.values.values)
        return np.array(hashes, np.uint64)

    def fingerprint(self) -> str:
        """SHA-256 over values, lengths, times, channels and names."""
        digest = hashlib.sha256(repr((self.channels, self.ids)).encode())
        digest.update(self.values.lengths().tobytes())
        first, last = int(self.values.offsets[0]), int(self.values.offsets[-1])
        for array in (self.values.values, self.times):
            for start in range(first, last if array is not None else first, _HASHED_AT_ONCE):
                part = array[start : min(start + _HASHED_AT_ONCE, last)]  # type: ignore[index]
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


def _digest(values: NDArray[Any]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest()


def _two_dimensional(array: Any, number: int) -> NDArray[np.float32]:
    try:
        values = np.asarray(array, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"series {number}: expected numbers, got {str(array)[:40]}") from error
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2:
        raise DataError(
            f"series {number}: expected an array of shape (steps, channels) or (steps,), got "
            f"{values.shape}"
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
        return values.astype(np.float32)
