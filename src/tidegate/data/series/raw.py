"""Series as they stand in the user's files, with their answers and where each begins."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.series.series_set import SeriesSet
from tidegate.data.series.steps import StepBuffer
from tidegate.errors import DataError

MOST_SHOWN = 5
"""Bad rows that a message lists."""
Progress = Callable[[Path, float], object]


@dataclass
class RawSeries:
    """Series of several files, one after the other; rows that cannot be used are counted."""

    channels: tuple[str, ...] = ()
    """The names of the channels, as the first file has them."""
    answers: list[Any] = field(default_factory=list)
    """Of each series its answer as the file has it: a text, a number, or a tuple of several; None
    where there is none."""
    splits: list[Any] = field(default_factory=list)
    """Of each series the part that its file names, where there is a column of parts."""
    groups: list[int] = field(default_factory=list)
    """Of each series the hash of its group, where there are groups."""
    keys: list[int] = field(default_factory=list)
    """Of each series the hash of its values, once :meth:`hash_values` was called."""
    ids: list[str] = field(default_factory=list)
    """The name of each series, where the files have names."""
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    """Of each series the line of its file, or the row, where it begins."""
    lengths: "array[int]" = field(default_factory=lambda: array("q"))
    files: list[tuple[int, Path]] = field(default_factory=list)
    """At which series each file begins."""
    classes: tuple[str, ...] = ()
    """The classes that the header of a file lists."""
    notes: list[str] = field(default_factory=list)
    """What the user should know about the files, a sentence each."""
    bad: list[str] = field(default_factory=list)
    """The first bad rows: file, line and reason."""
    num_bad: int = 0
    _values: StepBuffer | None = None
    _times: StepBuffer | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def begin(self, path: Path, channels: tuple[str, ...], *, has_times: bool = False) -> None:
        """Begin a file, before its first series is added.

        Raises:
            DataError: The file has other channels than those before it, or times that these lack.
        """
        if self._values is None:
            self.channels = channels
            self._values = StepBuffer(np.float32, len(channels))
            self._times = StepBuffer(np.float64) if has_times else None
        first = self.files[0][1] if self.files else path
        if channels != self.channels:
            raise DataError(
                f"{path}: expected the {len(self.channels)} channels of {first}, "
                f"{_listed(self.channels)}, got {len(channels)}: {_listed(channels)}"
            )
        if has_times != (self._times is not None):
            have, got = ("no times", "times") if has_times else ("times", "none")
            raise DataError(f"{path}: expected {have} of steps, as in {first}, got {got}")
        self.files.append((len(self), path))

    def add(
        self,
        values: NDArray[Any],
        line: int,
        *,
        times: NDArray[np.float64] | None = None,
        answer: Any = None,
        id: str | None = None,
    ) -> None:
        """Add a series.

        Args:
            values: (T, I), NaN where missing, never infinite.
            line: Where the series begins in its file.
            times: (T,), where the file has times.
            answer: See :attr:`answers`.
            id: Its name, where the file has names.
        """
        self.add_steps(values, times)
        self.end(len(values), line, answer=answer, id=id)

    def add_steps(self, values: NDArray[Any], times: NDArray[np.float64] | None = None) -> None:
        """Add steps of one or several series, which :meth:`end` will tell apart."""
        assert self._values is not None
        self._values.append(values)
        if self._times is not None:
            assert times is not None
            self._times.append(times)

    def take_over(self, values: StepBuffer, times: StepBuffer | None) -> bool:
        """Make buffers of steps this object's own, where none are there yet; else give False."""
        if self._values is None or len(self._values):
            return False
        self._values, self._times = values, times
        return True

    def end(self, length: int, line: int, *, answer: Any = None, id: str | None = None) -> None:
        """End a series, whose steps were added."""
        self.lengths.append(length)
        self.lines.append(line)
        self.answers.append(answer)
        if id is not None:
            self.ids.append(id)

    def series(self) -> SeriesSet:
        """All series; values and times are memory maps where they are large."""
        values = StepBuffer(np.float32, 0) if self._values is None else self._values
        return SeriesSet(
            Ragged(values.array(), offsets_of(np.asarray(self.lengths))),
            self.channels,
            None if self._times is None else self._times.array(),
            tuple(self.ids) if self.ids else None,
        )

    def hash_values(self) -> None:
        """Fill :attr:`keys`."""
        self.keys = self.series().hashes().tolist()

    def kept(self, rows: NDArray[np.int64]) -> "RawSeries":
        """Some of the series, in their order; the bad ones stay counted."""
        series = self.series().take(rows)
        starts = np.searchsorted(rows, [start for start, _ in self.files]).tolist()
        made = replace(
            self,
            answers=[self.answers[row] for row in rows.tolist()],
            splits=[self.splits[row] for row in rows.tolist()] if self.splits else [],
            groups=[self.groups[row] for row in rows.tolist()] if self.groups else [],
            ids=[self.ids[row] for row in rows.tolist()] if self.ids else [],
            lines=array("q", (self.lines[row] for row in rows.tolist())),
            lengths=array("q", series.values.lengths().tolist()),
            files=[(start, path) for start, (_, path) in zip(starts, self.files, strict=True)],
            _values=StepBuffer(np.float32, len(self.channels)),
            _times=None if self._times is None else StepBuffer(np.float64),
        )
        made.add_steps(series.values.values, series.times)
        return made

    def where(self, row: int) -> str:
        """The file and line of a series, for messages."""
        file = next(path for start, path in reversed(self.files) if start <= row)
        return f"{file}:{self.lines[row]}"

    def refuse(self, where: str, reason: str) -> None:
        """Count a row that is left out."""
        self.num_bad += 1
        if len(self.bad) < MOST_SHOWN:
            self.bad.append(f"{where}: {reason}")


def to_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The values as float32; what is too large for it becomes infinite, and is to be refused."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
