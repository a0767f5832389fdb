"""The table of classes of a classifier, and its confusion matrix."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.task import Task


@dataclass(frozen=True)
class ClassScores:
    """How well one class or label is recognised."""

    name: str
    precision: float | None
    """The share of the answers of this class that are right; None without such answers."""
    recall: float | None
    """The share of the examples of this class that are recognised; None without examples."""
    f1: float | None
    """The harmonic mean of precision and recall; None where both are None."""
    support: int
    """Examples of the class."""


class Mistake(NamedTuple):
    """How often one class is taken for another."""

    right: str
    answer: str
    num_examples: int
    share: float
    """The same as a share of the examples of the right class."""


def table_of_classes(task: Task, answers: NDArray[Any], targets: NDArray[Any]) -> list[ClassScores]:
    """Precision, recall and F1 of every class, by scikit-learn.

    Args:
        task: A classification.
        answers: As of :meth:`~tidegate.task.Task.decide`.
        targets: As :class:`~tidegate.task.Task` describes; at least one.
    """
    from sklearn.metrics import precision_recall_fscore_support

    columns = [
        np.stack(
            precision_recall_fscore_support(
                right, answered, labels=labels, average=None, zero_division=np.nan
            )
        )
        for right, answered, labels in _columns(task, targets, answers)
    ]
    # (C, 4); of a label, the row of those that have it.
    scores = columns[0].T if task.has_one_class else np.stack([one[:, 1] for one in columns])
    return [
        ClassScores(name, _or_none(precision), _or_none(recall), _or_none(f1), int(support))
        for name, (precision, recall, f1, support) in zip(task.classes, scores, strict=True)
    ]


def confusion(task: Task, answers: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.int64]:
    """Examples counted by what is right and what is answered, by scikit-learn.

    Args:
        task, answers, targets: As of :func:`table_of_classes`.

    Returns:
        (C, C), a row for each right class and a column for each answer; for multi-label (C, 2, 2),
        for each label ``[[neither, only answered], [only right, both]]``.
    """
    from sklearn.metrics import confusion_matrix

    matrices = [
        confusion_matrix(right, answered, labels=labels)
        for right, answered, labels in _columns(task, targets, answers)
    ]
    return np.asarray(matrices[0] if task.has_one_class else matrices, np.int64)


def largest_mistakes(
    classes: Sequence[str], counts: NDArray[np.int64], most: int = 10
) -> list[Mistake]:
    """The most frequent mistakes of a confusion matrix, largest first; none that never happens.

    Args:
        classes: Their names.
        counts: A confusion matrix, (C, C).
        most: How many to name.
    """
    wrong = counts * ~np.eye(len(counts), dtype=bool)
    totals = counts.sum(1)
    places = np.argsort(-wrong, axis=None, kind="stable")[:most]
    rows, columns = (places // len(counts)).tolist(), (places % len(counts)).tolist()
    return [
        Mistake(
            classes[row],
            classes[column],
            int(wrong[row, column]),
            float(wrong[row, column] / totals[row]),
        )
        for row, column in zip(rows, columns, strict=True)
        if wrong[row, column]
    ]


def _columns(
    task: Task, targets: NDArray[Any], answers: NDArray[Any]
) -> list[tuple[NDArray[Any], NDArray[Any], list[int]]]:
    """The arguments for scikit-learn: targets, answers, and the classes that these may be; for
    multi-label once for every label."""
    if task.has_one_class:
        return [(targets, answers, [*range(len(task.classes))])]
    return [(right, answered, [0, 1]) for right, answered in zip(targets.T, answers.T, strict=True)]


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
