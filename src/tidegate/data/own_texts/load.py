"""The user's files of labelled texts as a data set: read, understood, and split."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Columns
from tidegate.data.dataset import Split, TextDataset
from tidegate.data.own_texts import answers
from tidegate.data.own_texts.columns import TRAIN_NAMES
from tidegate.data.own_texts.options import OwnTexts
from tidegate.data.own_texts.parts import Parts, split_rows
from tidegate.data.own_texts.rows import Progress, RawRows, read_rows
from tidegate.data.prepared import class_counts
from tidegate.errors import DataError
from tidegate.task import Task

LEAST_EXAMPLES = 2
"""Of a class, where its test part is held out: one to train on and one to test."""


def load(own: OwnTexts, on_progress: Progress = lambda path, done: None) -> TextDataset:
    """Read the user's files.

    Args:
        own: Which, and how.
        on_progress: Is told which file is read, and the share of it that was.

    Raises:
        ArgumentError: A column is missing, or several could be meant.
        DataError: A file or a row cannot be read, or the answers are none that can be learnt.
    """
    own.check()
    files = [Path(path) for path in own.files]
    rows, columns = read_rows(
        files,
        own.columns,
        delimiter=own.delimiter,
        skip_bad_rows=own.skip_bad_rows,
        on_progress=on_progress,
    )
    num_own = len(rows)
    for more in (own.validation, own.test):
        if more:
            others, _ = read_rows(
                [Path(path) for path in more],
                columns,
                delimiter=own.delimiter,
                skip_bad_rows=own.skip_bad_rows,
                on_progress=on_progress,
            )
            _append(rows, others)
    first = _first(rows, num_own) if len(rows) > num_own else rows
    answers.check_files(first, columns)
    of_task = _first(first, num_own, _training_rows(first, columns))
    task = answers.task_of(of_task, columns)
    targets = answers.targets_of(rows, columns, task)
    parts = split_rows(own, rows, columns, targets, task, num_own)
    train = _taken(rows, targets, parts.train)
    test = _taken(rows, targets, parts.test)
    _check_counts(task, train, test, files[0], columns)
    return TextDataset(
        name=name_of(files),
        source=f"{', '.join(map(str, files[:3]))}{', ...' if len(files) > 3 else ''}; {parts.how}",
        train=train,
        test=test,
        task=task,
        columns=columns,
        units=parts.units,
        num_validation=parts.num_validation,
        notes=tuple(_notes(rows, parts, targets, task)),
    )


@dataclass(frozen=True)
class Labelled:
    """Labelled texts for a model that is there already."""

    texts: list[str]
    targets: NDArray[Any]
    """As :class:`~tidegate.task.Task` describes."""
    bad: list[str]
    """The first rows that were left out."""
    num_bad: int


def load_labelled(own: OwnTexts, task: Task, columns: Columns | None = None) -> Labelled:
    """Read all rows of ``own.files`` as answers to a task.

    Args:
        own: The files, and how they are read.
        task: What a model was asked.
        columns: Those of the model's training: they are meant where ``own`` names none.

    Raises:
        ArgumentError: A column is missing, or several could be meant.
        DataError: A file or a row cannot be read, or an answer is none of the task.
    """
    own.check()
    wanted = own.columns
    if columns is not None and not wanted.answers:
        wanted = replace(
            wanted,
            label=columns.label,
            labels=columns.labels,
            separator=columns.separator,
            target=columns.target,
        )
    if columns is not None and wanted.text is None:
        wanted = replace(wanted, text=columns.text)
    rows, complete = read_rows(
        [Path(path) for path in own.files],
        wanted,
        delimiter=own.delimiter,
        skip_bad_rows=own.skip_bad_rows,
    )
    targets = answers.targets_of(rows, complete, task)
    return Labelled(rows.texts, targets, rows.bad, rows.num_bad)


def name_of(files: Sequence[Path]) -> str:
    """The name of a data set of files: that of the first, without its endings."""
    return files[0].absolute().name.partition(".")[0] or "texts"


def _append(rows: RawRows, others: RawRows) -> None:
    start = len(rows)
    rows.texts += others.texts
    rows.keys += others.keys
    rows.groups += others.groups
    rows.answers += others.answers
    rows.lines += others.lines
    rows.files += [(start + begin, path) for begin, path in others.files]
    rows.bad += others.bad
    rows.num_bad += others.num_bad


def _first(rows: RawRows, count: int, chosen: Sequence[int] | None = None) -> RawRows:
    """The first rows, or some of them, for what is told by the training rows alone."""
    numbers = range(count) if chosen is None else chosen
    return replace(
        rows,
        texts=[rows.texts[number] for number in numbers],
        answers=[rows.answers[number] for number in numbers],
        splits=rows.splits[:count],
        lines=array("q", (rows.lines[number] for number in numbers)),
        files=[(start, path) for start, path in rows.files if start < count],
    )


def _training_rows(rows: RawRows, columns: Columns) -> list[int] | None:
    if columns.split is None:
        return None
    return [
        number
        for number, value in enumerate(rows.splits)
        if str(value).strip().lower() in TRAIN_NAMES
    ]


def _taken(rows: RawRows, targets: NDArray[Any], numbers: NDArray[np.int64]) -> Split:
    return Split([rows.texts[number] for number in numbers.tolist()], targets[numbers])


def _check_counts(task: Task, train: Split, test: Split, path: Path, columns: Columns) -> None:
    if not task.is_classification:
        return
    in_train = class_counts(task, train.labels)
    in_test = class_counts(task, test.labels)
    for name, count in in_train.items():
        if count + in_test[name] < LEAST_EXAMPLES or not count:
            of_all = f"{count + in_test[name]} in all and {count} to train on"
            raise DataError(
                f"{path}: expected at least {LEAST_EXAMPLES} rows of every class, one of them to "
                f"train on, got {of_all} of {name!r} in {', '.join(columns.answers)}; add some, or "
                "leave its rows out"
            )


def _notes(rows: RawRows, parts: Parts, targets: NDArray[Any], task: Task) -> list[str]:
    """What the user should know about the rows."""
    notes, keys = [], np.array(rows.keys, np.uint64)
    if rows.num_bad:
        more = "" if rows.num_bad <= len(rows.bad) else ", ..."
        notes.append(f"{rows.num_bad:,} bad rows are left out: {'; '.join(rows.bad)}{more}")
    both = int(np.isin(keys[parts.test], keys[parts.train]).sum())
    if both:
        notes.append(f"{both:,} test texts also stand in the training part")
    if task.has_one_class:
        pairs = np.stack([keys[parts.train], targets[parts.train].astype(np.uint64)])
        texts = np.unique(pairs, axis=1)[0]
        double = len(texts) - len(np.unique(texts))
        if double:
            notes.append(f"{double:,} training texts stand there with different classes")
    return notes
