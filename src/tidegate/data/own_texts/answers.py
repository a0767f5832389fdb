"""From the values of the answer columns to a task and its targets."""

import math
from collections import Counter
from typing import Any

from numpy.typing import NDArray

from tidegate.data.own_texts.answered import AnswerColumns, Answered
from tidegate.errors import DataError
from tidegate.task import Task

MOST_CLASSES = 10_000
MOST_CLASSES_SHARE = 0.5
"""Distinct values above this share of the rows are taken for identifiers or numbers."""
_TRUE, _FALSE = {"1", "true", "yes", "1.0"}, {"0", "false", "no", "0.0", ""}


def task_of(rows: Answered, columns: AnswerColumns) -> Task:
    """What the answers of the training rows ask: their classes, labels, or numbers.

    Raises:
        DataError: A single class, an identifier instead of classes, or labels that are none.
    """
    if columns.target:
        return Task("regression", columns.target)
    if columns.labels:
        return Task("multi-label", _labels(rows, columns))
    counts = Counter(class_name(answer) for answer in rows.answers)
    where, label = rows.files[0][1], columns.label
    if len(counts) < 2:
        raise DataError(
            f"{where}: expected two classes or more in the column {label}, got only "
            f"{next(iter(counts))!r} in {len(rows):,} rows"
        )
    if len(counts) > MOST_CLASSES or (
        len(counts) > 20 and len(counts) > MOST_CLASSES_SHARE * len(rows)
    ):
        raise DataError(
            f"{where}: expected classes in the column {label}, got {len(counts):,} distinct values "
            f"in {len(rows):,} rows, as identifiers or numbers have; name another column "
            f"(--label), or predict numbers (--target {label})"
        )
    ordered = sorted(counts, key=_class_order)
    return Task("binary" if len(ordered) == 2 else "multi-class", tuple(ordered))


def targets_of(rows: Answered, columns: AnswerColumns, task: Task) -> NDArray[Any]:
    """The targets of all rows, as :class:`~tidegate.task.Task` describes.

    Raises:
        DataError: An answer that the task has none for, with its file and line.
    """
    targets = []
    for number, answer in enumerate(rows.answers):
        try:
            targets.append(task.target(_converted(answer, columns, task)))
        except ValueError as expected:
            raise DataError(
                f"{rows.where(number)}: expected {expected} in "
                f"{', '.join(columns.answers)}, got {_shown(answer)}"
            ) from None
    return task.targets(targets)


def class_name(value: Any) -> str:
    """The name of a class: a text without blanks around it; numbers as they are written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def check_files(rows: Answered, columns: AnswerColumns) -> None:
    """Refuse files whose classes have nothing in common: they are written in two ways.

    Raises:
        DataError: Which.
    """
    if columns.label is None:
        return
    ends = [start for start, _ in rows.files[1:]] + [len(rows)]
    first: tuple[Any, set[str]] | None = None
    for (start, path), end in zip(rows.files, ends, strict=True):
        classes = {class_name(answer) for answer in rows.answers[start:end]}
        if first is None:
            first = path, classes
        elif len(classes) > 1 and len(first[1]) > 1 and not classes & first[1]:
            raise DataError(
                f"{path}: expected the classes of {first[0]}, {_listed(first[1])}, got "
                f"{_listed(classes)}; write them in the same way"
            )


def _labels(rows: Answered, columns: AnswerColumns) -> tuple[str, ...]:
    if len(columns.labels) > 1:
        return columns.labels
    names = {name for answer in rows.answers for name in _separated(answer, columns.separator)}
    if not names:
        raise DataError(
            f"{rows.files[0][1]}: expected labels in the column {columns.labels[0]}, got none"
        )
    if len(names) > MOST_CLASSES or (
        len(names) > 20 and len(names) > MOST_CLASSES_SHARE * len(rows)
    ):
        raise DataError(
            f"{rows.files[0][1]}: expected labels in the column {columns.labels[0]}, got "
            f"{len(names):,} distinct ones in {len(rows):,} rows; is {columns.separator!r} what "
            "separates them (--separator)?"
        )
    return tuple(sorted(names, key=_class_order))


def _separated(answer: Any, separator: str | None) -> list[str]:
    if isinstance(answer, list | tuple):
        return [class_name(part) for part in answer]
    parts = str(answer).split(separator) if separator else [str(answer)]
    return [part.strip() for part in parts if part.strip()]


def _converted(answer: Any, columns: AnswerColumns, task: Task) -> Any:
    """An answer as :meth:`~tidegate.task.Task.target` takes it."""
    if task.kind == "regression":
        values = answer if isinstance(answer, tuple) else (answer,)
        numbers = [_number(value) for value in values]
        return numbers if len(numbers) > 1 else numbers[0]
    if task.kind == "multi-label":
        if len(columns.labels) == 1:
            return _separated(answer, columns.separator)
        pairs = zip(columns.labels, answer, strict=True)
        return [name for name, value in pairs if _is_true(value)]
    return class_name(answer)


def _is_true(value: Any) -> bool:
    name = class_name(value).lower()
    if name not in _TRUE | _FALSE:
        raise ValueError("0 or 1 for every label")
    return name in _TRUE


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None


def _class_order(name: str) -> tuple[bool, float, str]:
    """Numbers by their size, and then texts by the alphabet."""
    number = _number(name)
    return (number is None, 0.0 if number is None else number, name)


def _listed(names: set[str]) -> str:
    shown = sorted(names, key=_class_order)[:8]
    return ", ".join(shown) + (", ..." if len(names) > 8 else "")


def _shown(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) <= 60 else f"{text[:60]}..."
