"""The user's recordings as a data set of frames: read, labelled, and split."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.audio.options import OwnAudio, as_columns
from tidegate.data.audio.recording import AudioReading
from tidegate.data.audio.rows import AudioRows, Progress, read_rows
from tidegate.data.own_texts import answers, name_of
from tidegate.data.own_texts.columns import TRAIN_NAMES
from tidegate.data.own_texts.parts import Parts, split_rows
from tidegate.data.own_texts.rows import RawRows
from tidegate.data.prepared import class_counts
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.dataset import SeriesDataset, SeriesSplit
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import DataError
from tidegate.task import Task

LEAST_EXAMPLES = 2
"""Of a class: one to train on and one to test."""


@dataclass(frozen=True)
class Recordings:
    """The frames of recordings in a table, for a model that is there already."""

    series: SeriesSet
    targets: NDArray[Any] | None
    """As :class:`~tidegate.task.Task` describes; None where answers were not asked for."""
    files: tuple[str, ...]
    """Of each recording the table and line, ``words.csv:17``."""
    reading: AudioReading
    bad: list[str]
    """The first rows that were left out: table, line and reason."""
    num_bad: int


def load(own: OwnAudio, on_progress: Progress = lambda path, done: None) -> SeriesDataset:
    """Read the user's recordings, and compute their frames once.

    Args:
        own: Which, and how.
        on_progress: Is told which table is read, and the share of it that was.

    Raises:
        ArgumentError: A column is missing, or options contradict each other.
        DataError: A table or recording cannot be read, or the answers are none that can be learnt.
        MissingPackageError: soundfile or soxr is not installed.
    """
    own.check()
    found, columns = read_rows(own.files, own, own.columns, on_progress=on_progress)
    num_own = len(found.rows)
    for more in (own.validation, own.test):
        if more:
            read_rows(more, own, columns, into=found, on_progress=on_progress)
    rows, names = found.rows, as_columns(columns)
    first = _chosen(rows, range(num_own))
    answers.check_files(first, names)
    task = answers.task_of(_chosen(rows, _training_rows(rows, columns, num_own)), names)
    targets = answers.targets_of(rows, names, task)
    parts = split_rows(own.as_texts(columns), rows, names, targets, task, num_own)
    series = found.series(own.front_end.channels)
    train = SeriesSplit(series.take(parts.train), targets[parts.train])
    test = SeriesSplit(series.take(parts.test), targets[parts.test])
    _check_counts(task, train, test, own.files[0], columns)
    files = [Path(path) for path in own.files]
    how = parts.how.replace("copies of a text", "copies of a recording")
    return SeriesDataset(
        name=name_of(files),
        source=f"{', '.join(own.files[:3])}{', ...' if len(files) > 3 else ''}; {how}",
        train=train,
        test=test,
        task=task,
        columns=columns,
        units=parts.units,
        num_validation=parts.num_validation,
        front_end=own.front_end,
        notes=tuple(_notes(found, parts, own)),
    )


def load_labelled(own: OwnAudio, task: Task, columns: SeriesColumns | None = None) -> Recordings:
    """Read all recordings of ``own.files`` with answers to a task.

    Args:
        own: The tables, and how they are read; its front end is the model's.
        task: What a model was asked.
        columns: Those of the model's training: they are meant where ``own`` names none.

    Raises:
        ArgumentError: A column is missing.
        DataError: A table or row cannot be read, or an answer is none of the task.
        MissingPackageError: soundfile or soxr is not installed.
    """
    own.check()
    wanted = own.columns
    if columns is not None and not wanted.answers:
        names = ("label", "labels", "separator", "target")
        wanted = replace(wanted, **{name: getattr(columns, name) for name in names})
    if columns is not None and wanted.audio is None:
        wanted = replace(wanted, audio=columns.audio)
    found, complete = read_rows(own.files, own, wanted)
    return _recordings(found, own, answers.targets_of(found.rows, as_columns(complete), task))


def load_recordings(
    own: OwnAudio,
    columns: SeriesColumns | None = None,
    on_progress: Progress = lambda path, done: None,
) -> Recordings:
    """Read all recordings of ``own.files`` for prediction, whatever other columns there are.

    Args:
        own: The tables, and how they are read; its front end is the model's.
        columns: Those of the model's training, as of :func:`load_labelled`.
        on_progress: Is told which table is read, and the share of it that was.

    Raises:
        ArgumentError: The column of paths is missing.
        DataError: A table or row cannot be read.
        MissingPackageError: soundfile or soxr is not installed.
    """
    own.check()
    wanted = own.columns
    if wanted.audio is None and columns is not None:
        wanted = replace(wanted, audio=columns.audio)
    found, _ = read_rows(own.files, own, wanted, answers=False, on_progress=on_progress)
    return _recordings(found, own, None)


def _recordings(found: AudioRows, own: OwnAudio, targets: NDArray[Any] | None) -> Recordings:
    rows = found.rows
    return Recordings(
        found.series(own.front_end.channels),
        targets,
        tuple(rows.where(number) for number in range(len(rows))),
        found.reading,
        rows.bad,
        rows.num_bad,
    )


def _chosen(rows: RawRows, numbers: Sequence[int]) -> RawRows:
    """Some of the rows of ``own.files``, for what is told by these alone."""
    ends = max(numbers, default=-1)
    return replace(
        rows,
        texts=[rows.texts[number] for number in numbers],
        answers=[rows.answers[number] for number in numbers],
        lines=array("q", (rows.lines[number] for number in numbers)),
        files=[(start, path) for start, path in rows.files if start <= ends] or rows.files[:1],
    )


def _training_rows(rows: RawRows, columns: SeriesColumns, num_own: int) -> Sequence[int]:
    if columns.split is None:
        return range(num_own)
    names = [str(value).strip().lower() for value in rows.splits[:num_own]]
    return [number for number, name in enumerate(names) if name in TRAIN_NAMES]


def _check_counts(
    task: Task, train: SeriesSplit, test: SeriesSplit, path: str, columns: SeriesColumns
) -> None:
    in_train, in_test = class_counts(task, train.labels), class_counts(task, test.labels)
    for name, count in in_train.items():
        if count + in_test[name] < LEAST_EXAMPLES or not count:
            raise DataError(
                f"{path}: expected at least {LEAST_EXAMPLES} recordings of every class, one of "
                f"them to train on, got {count + in_test[name]} in all and {count} to train on of "
                f"{name!r} in {', '.join(columns.answers)}; add some, or leave its rows out"
            )


def _notes(found: AudioRows, parts: Parts, own: OwnAudio) -> list[str]:
    """What the user should know about the recordings."""
    rows, keys = found.rows, np.array(found.rows.keys, np.uint64)
    notes = found.reading.notices(own.front_end.sample_rate)
    if rows.num_bad:
        more = "" if rows.num_bad <= len(rows.bad) else ", ..."
        notes.append(f"{rows.num_bad:,} bad rows are left out: {'; '.join(rows.bad)}{more}")
    both = int(np.isin(keys[parts.test], keys[parts.train]).sum())
    if both:
        notes.append(f"{both:,} test recordings are also in the training part")
    return notes
