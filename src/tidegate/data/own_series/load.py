"""The user's files of labelled series as a data set: read, understood, and split."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.own_series.files import is_answered, read_into
from tidegate.data.own_series.notes import notes_of
from tidegate.data.own_series.options import OwnSeries
from tidegate.data.own_texts import answers
from tidegate.data.own_texts.columns import TEST_NAMES
from tidegate.data.own_texts.load import name_of
from tidegate.data.own_texts.parts import Parts, split_rows
from tidegate.data.own_texts.rows import check_bad
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.dataset import SeriesDataset, SeriesSplit
from tidegate.data.series.raw import Progress, RawSeries
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import DataError
from tidegate.task import Task

LEAST_SERIES = 2
"""One to train on and one to test."""


def load(own: OwnSeries, on_progress: Progress = lambda path, done: None) -> SeriesDataset:
    """Read the user's files of labelled series.

    Args:
        own: Which, and how.
        on_progress: Is told which file is read, and the share of it that was.

    Raises:
        ArgumentError: A column is missing, or several could be meant.
        DataError: A file or a row cannot be read, or the answers are none that can be learnt.
    """
    own.check()
    rows, columns = RawSeries(), own.columns
    num_own = 0
    for part in (own.files, own.validation, own.test):
        if part:
            columns = _read(rows, own, part, columns, on_progress)
        num_own = num_own or len(rows)
    rows, num_own = _answered(rows, columns, own.skip_bad_rows, num_own)
    path = Path(own.files[0])
    if num_own < LEAST_SERIES and not own.test:
        raise DataError(
            f"{path}: expected at least {LEAST_SERIES} series, one to train on and one to test, "
            f"got {num_own}"
        )
    is_test = _are_test(rows, own, columns)
    task = _task_of(rows, columns, is_test)
    targets = answers.targets_of(rows, columns, task)
    rows.hash_values()
    parts = split_rows(own, rows, columns, targets, task, num_own, what=("series", "a series"))
    everything = SeriesSplit(rows.series(), targets)
    train, test = everything.take(parts.train), everything.take(parts.test)
    _check_classes(rows, parts, targets, task, columns)
    files = [Path(name) for name in own.files]
    return SeriesDataset(
        name=name_of(files),
        source=f"{', '.join(own.files[:3])}{', ...' if len(files) > 3 else ''}; {parts.how}",
        train=train,
        test=test,
        task=task,
        columns=columns,
        units=parts.units,
        num_validation=parts.num_validation,
        notes=(*rows.notes, *notes_of(rows, train, test, parts)),
    )


@dataclass(frozen=True)
class LabelledSeries:
    """Labelled series for a model that is there already."""

    series: SeriesSet
    targets: NDArray[Any]
    """As :class:`~tidegate.task.Task` describes."""
    bad: list[str]
    """The first rows that were left out."""
    num_bad: int


def load_labelled(
    own: OwnSeries,
    task: Task,
    columns: SeriesColumns | None = None,
    channels: Sequence[str] | None = None,
    on_progress: Progress = lambda path, done: None,
) -> LabelledSeries:
    """Read all series of ``own.files`` with their answers to a task.

    Args:
        own: The files, and how they are read.
        task: What a model was asked.
        columns: Those of the model's training: they are meant where ``own`` names none.
        channels: Those of the model.
        on_progress: Is told which file is read, and the share of it that was.

    Raises:
        ArgumentError: A column is missing, or several could be meant.
        DataError: A file or a row cannot be read, a channel is missing, or an answer is none of the
            task.
    """
    own.check()
    wanted = _with_defaults(own, columns, channels, answers=True)
    rows = RawSeries()
    complete = _read(rows, own, own.files, wanted, on_progress)
    rows, _ = _answered(rows, complete, own.skip_bad_rows, len(rows))
    targets = answers.targets_of(rows, complete, task)
    return LabelledSeries(_series(rows, channels), targets, rows.bad, rows.num_bad)


def load_series(
    own: OwnSeries,
    columns: SeriesColumns | None = None,
    channels: Sequence[str] | None = None,
    on_progress: Progress = lambda path, done: None,
) -> SeriesSet:
    """Read all series of ``own.files`` without answers, to be predicted.

    Args:
        own, columns, channels, on_progress: As of :func:`load_labelled`.

    Raises:
        ArgumentError: A column is missing, or several could be meant.
        DataError: A file or a row cannot be read, or a channel is missing.
    """
    own.check()
    wanted = _with_defaults(own, columns, channels, answers=False)
    rows = RawSeries()
    _read(rows, own, own.files, wanted, on_progress, answers=False)
    return _series(rows, channels)


def _read(
    rows: RawSeries,
    own: OwnSeries,
    files: tuple[str, ...],
    columns: SeriesColumns,
    on_progress: Progress,
    answers: bool = True,
) -> SeriesColumns:
    return read_into(
        rows,
        files,
        columns,
        delimiter=own.delimiter,
        skip_bad_rows=own.skip_bad_rows,
        answers=answers,
        on_progress=on_progress,
    )


def _answered(
    rows: RawSeries, columns: SeriesColumns, skip_bad_rows: bool, num_own: int
) -> tuple[RawSeries, int]:
    """The series that have an answer, and how many of them are of the first files."""
    is_there = np.array([is_answered(answer) for answer in rows.answers], np.bool_)
    if is_there.all():
        return rows, num_own
    for row in np.flatnonzero(~is_there).tolist():
        rows.refuse(
            rows.where(row), f"expected an answer in {', '.join(columns.answers)}, got none"
        )
    rows = rows.kept(np.flatnonzero(is_there))
    check_bad(rows, skip_bad_rows)
    return rows, int(is_there[:num_own].sum())


def _are_test(rows: RawSeries, own: OwnSeries, columns: SeriesColumns) -> NDArray[np.bool_]:
    """Which series the user put into the test part, (number of series,): by files or a column."""
    is_test = np.zeros(len(rows), np.bool_)
    if columns.split is not None:
        is_test[:] = [str(value).strip().lower() in TEST_NAMES for value in rows.splits]
    elif own.test:
        is_test[rows.files[-len(own.test)][0] :] = True
    return is_test


def _task_of(rows: RawSeries, columns: SeriesColumns, is_test: NDArray[np.bool_]) -> Task:
    """What the answers ask, by those that are not in a given test part.

    Raises:
        DataError: A class occurs only in the test part; or see
            :func:`tidegate.data.own_texts.answers.task_of`.
    """
    known = rows if not is_test.any() else _Answers(rows, np.flatnonzero(~is_test))
    task = answers.task_of(known, columns)
    if not task.has_one_class:
        return task
    for row in np.flatnonzero(is_test).tolist():
        name = answers.class_name(rows.answers[row])
        if name not in task.classes:
            raise _only_tested(rows.where(row), task.classes, name)
    if rows.classes and {*task.classes} <= {*rows.classes}:  # in the order of the header
        return replace(task, classes=tuple(one for one in rows.classes if one in task.classes))
    return task


class _Answers:
    """Some of the rows, as :func:`tidegate.data.own_texts.answers.task_of` looks at them."""

    def __init__(self, rows: RawSeries, numbers: NDArray[np.int64]) -> None:
        self._rows, self._numbers = rows, numbers.tolist()
        self.answers = [rows.answers[row] for row in self._numbers]
        self.files = rows.files

    def __len__(self) -> int:
        return len(self._numbers)

    def where(self, row: int) -> str:
        """The file and line of a series."""
        return self._rows.where(self._numbers[row])


def _only_tested(where: str, classes: tuple[str, ...], name: str) -> DataError:
    listed = ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")
    return DataError(
        f"{where}: expected a class that the training part has, {listed}, got {name!r}, a class "
        "seen only in the test part; train on series of it, or leave them out"
    )


def _check_classes(
    rows: RawSeries, parts: Parts, targets: NDArray[Any], task: Task, columns: SeriesColumns
) -> None:
    """Refuse classes without a training series."""
    missing = {*task.missing(targets[parts.train])}
    for row in parts.test.tolist() if missing else ():
        name = task.named(targets[row : row + 1])[0]
        if name in missing:
            known = tuple(one for one in task.classes if one not in missing)
            raise _only_tested(rows.where(row), known, name)


def _with_defaults(
    own: OwnSeries,
    columns: SeriesColumns | None,
    channels: Sequence[str] | None,
    *,
    answers: bool,
) -> SeriesColumns:
    """The columns that the user names, and else those of a model's training."""
    wanted = own.columns
    if columns is None:
        return wanted
    if answers and not wanted.answers:
        wanted = replace(
            wanted,
            label=columns.label,
            labels=columns.labels,
            separator=columns.separator,
            target=columns.target,
        )
    return replace(
        wanted,
        series_id=wanted.series_id or columns.series_id,
        time=wanted.time or columns.time,
        values=wanted.values or columns.values,
    )


def _series(rows: RawSeries, channels: Sequence[str] | None) -> SeriesSet:
    """The series that were read, whose channels must be those of a model."""
    series = rows.series()
    if channels is None or series.channels == tuple(channels):
        return series
    path, missing = rows.files[0][1], [name for name in channels if name not in series.channels]
    if not missing:  # in another order
        places = [series.channels.index(name) for name in channels]
        values = replace(
            series.values, values=np.ascontiguousarray(series.values.values[:, places])
        )
        return replace(series, values=values, channels=tuple(channels))
    raise DataError(
        f"{path}: expected the channels of the model, {', '.join(channels)}, got "
        f"{', '.join(series.channels)}, without {', '.join(missing)}"
    )
