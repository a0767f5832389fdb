"""Which rows of the user's files train, which validate, and which are the test part."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.own_texts.answered import AnswerColumns, Divisible, OwnParts
from tidegate.data.own_texts.columns import TEST_NAMES, TRAIN_NAMES, VALIDATION_NAMES
from tidegate.data.split import joined, split_by_hash, strata_of
from tidegate.errors import DataError
from tidegate.task import Task


@dataclass(frozen=True)
class Parts:
    """The numbers of the rows of each part."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    units: NDArray[np.int64] | None
    num_validation: int | None
    how: str
    """For the user: where the test part comes from."""


def split_rows(
    own: OwnParts,
    rows: Divisible,
    columns: AnswerColumns,
    targets: NDArray[Any],
    task: Task,
    num_own: int,
    *,
    what: tuple[str, str] = ("rows", "a text"),
) -> Parts:
    """Which rows train, validate and test: by files, by a column, or by hash.

    Args:
        own: The user's options.
        rows: Those of ``own.files``, then those of its validation and test files.
        columns: With those that were found by their names.
        targets: Of all rows.
        task: What they are answers to.
        num_own: How many rows ``own.files`` have.
        what: For the user, what rows are, and what copies are of.

    Raises:
        DataError: The column of parts has something else, or lacks a part.
    """
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
        together = f"{'groups and ' * (columns.group is not None)}copies of {what[1]}"
        how = (
            f"{num_test:,} of {num_own:,} {what[0]} are held out for the test, chosen by a hash, "
            f"{'class by class, ' if task.has_one_class else ''}{together} kept together"
        )
    if not own.validation:
        return Parts(held.train, test, held.units, None, how)
    validation = np.arange(num_own, start)
    return Parts(np.concatenate([held.train, validation]), test, None, len(validation), how)


def _num_rows(rows: Divisible, test: Sequence[str]) -> int:
    """How many rows the test files, the last of all, have."""
    starts = [start for start, _ in rows.files]
    return len(rows) - starts[len(starts) - len(test)]


def _by_column(rows: Divisible, column: str, strata: NDArray[np.int64]) -> Parts:
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
        return Parts(train, np.array(parts["test"]), order.units, None, how)
    both = np.concatenate([train, validation])
    return Parts(both, np.array(parts["test"]), None, len(validation), how)
