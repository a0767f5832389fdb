"""What a run says of training classes that are of very different size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.task import Task

LARGEST_RATIO = 3
"""The largest class may have fewer than so many times the examples of the smallest."""


def notice(task: Task, targets: NDArray[Any], class_weights: str) -> str | None:
    """A sentence on imbalanced classes.

    Args:
        task: What is asked.
        targets: Of the training part, as :class:`~tidegate.task.Task` describes.
        class_weights: The recipe's ``training.class_weights``.

    Returns:
        None where the classes are balanced enough, the loss weighs them already, or an example
        does not have exactly one class.
    """
    if not task.has_one_class or class_weights != "none":
        return None
    counts = np.bincount(targets, minlength=len(task.classes))
    largest, smallest = int(counts.argmax()), int(counts.argmin())
    if counts[largest] < LARGEST_RATIO * max(1, counts[smallest]):
        return None
    return (
        f"training classes: {counts[largest]:,} texts of {task.classes[largest]}, "
        f"{counts[smallest]:,} of {task.classes[smallest]}; read balanced accuracy and macro F1, "
        "which count rare classes as much as frequent ones; --set class_weights=balanced trains "
        "for them"
    )
