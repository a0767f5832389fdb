"""The user's files of labelled texts as a data set: read, understood, and split."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Columns
from tidegate.data.dataset import Split, TextDataset
from tidegate.data.own_texts import answers
from tidegate.data.own_texts.columns import (
    TEST_NAMES,
    TRAIN_NAMES,
    VALIDATION_NAMES,
    check,
)
from tidegate.data.own_texts.rows import Progress, RawRows, read_rows
from tidegate.data.prepared import class_counts
from tidegate.data.split import joined, split_by_hash, strata_of
from tidegate.errors import ArgumentError, DataError
from tidegate.storage.schema import Between, IsPath, NotEmpty
from tidegate.task import Task

LEAST_EXAMPLES = 2
"""Of a class, where its test part is held out: one to train on and one to test."""

FilePath = Annotated[str, IsPath()]


@dataclass(frozen=True)
class OwnTexts:
    """Files of labelled texts, and how they are to be read."""

    files: Annotated[tuple[FilePath, ...], NotEmpty()]
    test: tuple[FilePath, ...] = ()
    """Files with the test part; without any, it is held out of ``files``."""
    validation: tuple[FilePath, ...] = ()
    """Files with the validation part; without any, it is the end of the training part."""
    columns: Columns = field(default_factory=Columns)
    test_share: Annotated[float, Between(0.001, 0.9)] = 0.2
    """The share of ``files`` that is held out where there is no other test part."""
    delimiter: str | None = None
    """What stands between the fields of CSV."""
    skip_bad_rows: bool = False
    """Whether rows that cannot be used are left out and counted, rather than refused."""

    def check(self) -> None:
        """Refuse options that contradict each other, before a file is opened.

        Raises:
            ArgumentError: Which.
        """
        check(self.columns)
        if self.columns.split is not None and (self.test or self.validation):
            raise ArgumentError(
                "split", "expected either a column that says the part, or files of parts, got both"
            )
        if self.columns.group is not None and (self.test or self.columns.split is not None):
            raise ArgumentError(
                "group", "expected it where the test part is held out by hash, got a given split"
            )


@dataclass(frozen=True)
class _Parts:
    """The numbers of the rows of each part."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    units: NDArray[np.int64] | None
    num_validation: int | None
    how: str
    """For the user: where the test part comes from."""


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
    parts = _split(own, rows, columns, targets, task, num_own)
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


def _split(
    own: OwnTexts,
    rows: RawRows,
    columns: Columns,
    targets: NDArray[Any],
    task: Task,
    num_own: int,
) -> _Parts:
    if columns.split is not None:
        return _by_column(rows, columns.split, strata_of(targets, task.has_one_class))
    keys = np.array(rows.keys[:num_own], np.uint64)
    if columns.group is not None:
        keys = joined(keys, np.array(rows.groups[:num_own], np.uint64))
    strata = strata_of(targets[:num_own], task.has_one_class)
    held = split_by_hash(keys, strata, 0.0 if own.test else own.test_share)
    num_test = len(rows) - num_own
    if own.test:
        start = len(rows) - _num_rows(rows, own.test)
        test = np.arange(start, len(rows))
        how = f"tested on {', '.join(Path(path).name for path in own.test)}"
    else:
        num_test, test = len(held.test), held.test
        start = len(rows)
        together = "copies of a text" if columns.group is None else "groups and copies of a text"
        how = (
            f"{num_test:,} of {num_own:,} rows are held out for the test, chosen by a hash, "
            f"{'class by class, ' if task.has_one_class else ''}{together} kept together"
        )
    if not own.validation:
        return _Parts(held.train, test, held.units, None, how)
    validation = np.arange(num_own, start)
    return _Parts(np.concatenate([held.train, validation]), test, None, len(validation), how)


def _num_rows(rows: RawRows, test: Sequence[str]) -> int:
    """How many rows the test files, the last of all, have."""
    starts = [start for start, _ in rows.files]
    return len(rows) - starts[len(starts) - len(test)]


def _by_column(rows: RawRows, column: str, strata: NDArray[np.int64]) -> _Parts:
    parts: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
    names = {
        **dict.fromkeys(TRAIN_NAMES, "train"),
        **dict.fromkeys(VALIDATION_NAMES, "validation"),
        **dict.fromkeys(TEST_NAMES, "test"),
    }
    for number, value in enumerate(rows.splits):
        part = names.get(str(value).strip().lower())
        if part is None:
            raise DataError(
                f"{rows.where(number)}: expected train, validation or test in the column {column}, "
                f"got {value!r}"
            )
        parts[part].append(number)
    for name in ("train", "test"):
        if not parts[name]:
            raise DataError(
                f"{rows.files[0][1]}: expected rows for {name} in the column {column}, got none"
            )
    train = np.array(parts["train"], np.int64)
    order = split_by_hash(np.array(rows.keys, np.uint64)[train], strata[train], 0.0)
    train = train[order.train]
    validation = np.array(parts["validation"], np.int64)
    how = f"parts as the column {column} has them"
    if not len(validation):
        return _Parts(train, np.array(parts["test"]), order.units, None, how)
    both = np.concatenate([train, validation])
    return _Parts(both, np.array(parts["test"]), None, len(validation), how)


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


def _notes(rows: RawRows, parts: _Parts, targets: NDArray[Any], task: Task) -> list[str]:
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
