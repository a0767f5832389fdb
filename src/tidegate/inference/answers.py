"""A model's answers for users: the names of the best classes, and their probabilities."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.task import Task

PREDICTION, PROBABILITY = "prediction", "probability"


def as_objects(task: Task, outputs: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Answers for programs, as values that JSON can hold.

    Args:
        task: The model's task.
        outputs: The model's logits or numbers, (N, C).

    Returns:
        For each text ``answer``: a class, a list of labels, a number or a list of numbers; and,
        except for a regression, ``probabilities``: by class, between 0 and 1.
    """
    named = task.named(task.decide(outputs))
    if not task.is_classification:
        return [{"answer": answer} for answer in named]
    chances = task.probabilities(outputs).tolist()
    return [
        {"answer": answer, "probabilities": dict(zip(task.classes, row, strict=True))}
        for answer, row in zip(named, chances, strict=True)
    ]


def answer_columns(task: Task, top_k: int = 1) -> tuple[str, ...]:
    """The names of the columns of :func:`as_columns`.

    Raises:
        ArgumentError: ``top_k`` exceeds the number of classes, or is above 1 for a task without
            exactly one class a text.
    """
    if task.has_one_class:
        if not 1 <= top_k <= len(task.classes):
            raise ArgumentError(
                "top_k", f"expected 1 to {len(task.classes)}, the number of classes, got {top_k}"
            )
        if top_k == 1:
            return (PREDICTION, PROBABILITY)
        places = range(1, top_k + 1)
        return tuple(f"{name}_{place}" for place in places for name in (PREDICTION, PROBABILITY))
    if top_k != 1:
        raise ArgumentError("top_k", f"expected a model of one class a text, got {task.kind}")
    if task.kind == "multi-label":
        return (PREDICTION, *(f"{PROBABILITY}_{name}" for name in task.classes))
    if len(task.classes) == 1:
        return (PREDICTION,)
    return tuple(f"{PREDICTION}_{name}" for name in task.classes)


def as_columns(task: Task, outputs: NDArray[np.float64], top_k: int = 1) -> Sequence[list[Any]]:
    """Answers as columns of a table, by the names of :func:`answer_columns`.

    Args:
        task: The model's task.
        outputs: The model's logits or numbers, (N, C).
        top_k: Number of most probable classes for each text, the best first.

    Returns:
        A list of N values for each column: names of classes and their probabilities; for
        multi-label the names with ``|`` between, and the probability of each label; for a
        regression its numbers.
    """
    if not task.is_classification:
        return [column.tolist() for column in outputs.T]
    chances = task.probabilities(outputs)
    if task.kind == "multi-label":
        names = ["|".join(row) for row in task.named(task.decide(outputs))]
        return [names, *(column.tolist() for column in chances.round(6).T)]
    order = np.argsort(-chances, axis=1, kind="stable")[:, :top_k]
    classes = np.array(task.classes, np.object_)
    columns: list[list[Any]] = []
    for place in range(top_k):
        best = order[:, place]
        columns.append(classes[best].tolist())
        columns.append(chances[np.arange(len(best)), best].round(6).tolist())
    return columns
