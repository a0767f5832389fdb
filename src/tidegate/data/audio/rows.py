"""Rows of the user's tables of recordings: frames, raw answers, and where each stands."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.audio.manifest import complete, open_manifest
from tidegate.data.audio.options import OwnAudio
from tidegate.data.audio.recording import AudioReading, Recording, read_recording
from tidegate.data.own_texts.rows import RawRows, check_bad
from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.series_set import SeriesSet
from tidegate.data.split import hash_of
from tidegate.data.tables import BadRow
from tidegate.errors import DataError

Progress = Callable[[Path, float], object]


@dataclass
class AudioRows:
    """Recordings of tables, those that cannot be used left out and counted."""

    rows: RawRows = field(default_factory=RawRows)
    """Their paths as texts, the hashes of their samples as keys, and their answers."""
    frames: list[NDArray[np.float32]] = field(default_factory=list)
    """Of each recording its frames, (T, num_mels)."""
    reading: AudioReading = field(default_factory=AudioReading)

    def series(self, channels: tuple[str, ...]) -> SeriesSet:
        """The frames as series, named by the recordings' paths."""
        values = np.concatenate([np.empty((0, len(channels)), np.float32), *self.frames])
        offsets = offsets_of([len(one) for one in self.frames])
        return SeriesSet(Ragged(values, offsets), channels, None, tuple(self.rows.texts))


def read_rows(
    files: Sequence[str],
    own: OwnAudio,
    columns: SeriesColumns,
    *,
    answers: bool = True,
    into: AudioRows | None = None,
    on_progress: Progress = lambda path, done: None,
) -> tuple[AudioRows, SeriesColumns]:
    """Read tables with the same columns, and the recordings that they list.

    Args:
        files: Tables, or folders of recordings.
        own: How they are read.
        columns: As the user names them.
        answers: Whether every row needs an answer.
        into: Rows that these are added to.
        on_progress: Is told, after every recording, which table is read, and the share of it; 1
            at its end, also where that is an error.

    Returns:
        The rows, and the columns with those that were found by their names.

    Raises:
        ArgumentError: A column is missing.
        DataError: A table cannot be read; or a row, and bad rows are not to be skipped.
        MissingPackageError: soundfile or soxr is not installed.
    """
    found = into or AudioRows()
    before = len(found.rows)
    for name in files:
        path = Path(name)
        on_progress(path, 0.0)
        try:
            columns = _read_table(path, own, columns, answers, found, on_progress)
        finally:
            on_progress(path, 1.0)
    check_bad(found.rows, own.skip_bad_rows)
    if len(found.rows) == before:
        raise DataError(f"{', '.join(files)}: expected rows with recordings, got none")
    return found, columns


def _read_table(
    path: Path,
    own: OwnAudio,
    columns: SeriesColumns,
    answers: bool,
    found: AudioRows,
    on_progress: Progress,
) -> SeriesColumns:
    table, folder = open_manifest(path, own.delimiter)
    columns = complete(columns, table, answers=answers)
    rows, wanted = found.rows, columns.answers if answers else ()
    rows.files.append((len(rows), path))
    assert columns.audio is not None
    for row in table.rows():
        where = f"{path}:{row.line}"
        if isinstance(row, BadRow):
            rows.refuse(where, row.reason)
            continue
        values = [row.values.get(name) for name in wanted]
        try:
            _check_answers(wanted, values)
            recording = _recording(row.values.get(columns.audio), columns.audio, folder, own)
        except DataError as error:
            rows.refuse(where, str(error))
            continue
        rows.texts.append(str(row.values[columns.audio]))
        rows.keys.append(hash_of_samples(recording.samples))
        rows.answers.append(values[0] if len(values) == 1 else tuple(values))
        rows.lines.append(row.line)
        if answers and columns.split is not None:
            rows.splits.append(row.values.get(columns.split))
        if answers and columns.group is not None:
            rows.groups.append(hash_of(str(row.values.get(columns.group))))
        found.reading += AudioReading.of([recording], own.front_end.sample_rate)
        found.frames.append(own.front_end.frames(recording.samples))
        on_progress(path, table.done)
    return columns


def hash_of_samples(samples: NDArray[np.float32]) -> int:
    """The first 64 bits of the SHA-256 of samples: equal for copies of a recording."""
    return int.from_bytes(hashlib.sha256(samples.tobytes()).digest()[:8], "big")


def _recording(value: Any, column: str, folder: Path, own: OwnAudio) -> Recording:
    if not isinstance(value, str) or not value.strip():
        got = "none" if value is None or value == "" else repr(value)[:60]
        raise DataError(f"expected the path of a recording in the column {column}, got {got}")
    return read_recording(folder / value, own.front_end.sample_rate)


def _check_answers(names: tuple[str, ...], values: list[Any]) -> None:
    for name, value in zip(names, values, strict=True):
        if value is None or (isinstance(value, str) and not value.strip()):
            raise DataError(f"expected an answer in the column {name}, got none")
