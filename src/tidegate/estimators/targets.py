"""The targets of an estimator, checked as scikit-learn checks them, and the task that they ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite, check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from tidegate.data.own_texts.answers import class_name
from tidegate.errors import DataError
from tidegate.task import Task

LEAST_EXAMPLES = 2
"""Of a class: one to train on and one to validate on."""


@dataclass(frozen=True)
class Targets:
    """What is to be learnt of each text."""

    task: Task
    values: NDArray[Any]
    """As the task describes."""
    classes: NDArray[Any]
    """The classes as they were given, sorted; of labels, their numbers; of numbers, empty."""


def targets_of_classes(y: Any, num_texts: int, where: str) -> Targets:
    """Classes, one a text, or labels as columns of 0 and 1.

    Raises:
        DataError: A text has no class, there is one class alone, or a class with one example.
        ValueError: Of scikit-learn: values that are no classes.
    """
    array = _classes_as_array(y, where)
    _check_length(array, num_texts, where)
    if not hasattr(array, "toarray"):
        assert_all_finite(array, input_name="y")
    check_classification_targets(array)
    kind = type_of_target(array)
    if kind == "multilabel-indicator":
        return _labels(array, y)
    if kind == "multiclass-multioutput":
        raise DataError(
            f"{where}: y: expected a class for every text, or 0 and 1 for every label, got an "
            f"array of shape {array.shape} with other values; fit an estimator for each column"
        )
    array = column_or_1d(array, warn=True)
    classes, indices, counts = np.unique(array, return_inverse=True, return_counts=True)
    values = classes.tolist()
    if len(values) < 2:
        raise DataError(
            f"{where}: y: expected two classes or more, got 1 class, {values[0]!r}, in "
            f"{len(array):,} texts"
        )
    rare = int(counts.argmin())
    if counts[rare] < LEAST_EXAMPLES:
        raise DataError(
            f"{where}: y: expected at least {LEAST_EXAMPLES} texts of every class, one to train "
            f"and one to validate on, got 1 of {values[rare]!r}; add some, or leave it out"
        )
    task = Task("binary" if len(values) == 2 else "multi-class", _names(values))
    return Targets(task, indices.astype(np.int64), classes)


def targets_of_numbers(y: Any, num_texts: int, where: str) -> Targets:
    """One finite number or several a text.

    Raises:
        DataError: The number of rows is not that of the texts.
        ValueError: Of scikit-learn: values that are no finite numbers.
    """
    _check_given(y, where)
    array = check_array(
        _as_array(y), ensure_2d=False, ensure_min_samples=0, dtype="numeric", input_name="y"
    )
    if array.ndim == 0:
        raise DataError(
            f"{where}: y: expected numbers of shape (N,) or (N, k), got shape {array.shape}"
        )
    _check_length(array, num_texts, where)
    if array.shape[1:] == (1,):
        array = column_or_1d(array, warn=True)
    count = 1 if array.ndim == 1 else array.shape[1]
    given = getattr(y, "columns", None)
    names = [f"y{number}" for number in range(count)] if given is None else map(str, given)
    task = Task("regression", ("y",) if count == 1 else tuple(names))
    return Targets(task, array.astype(np.float64), np.empty(0))


def _labels(array: Any, y: Any) -> Targets:
    dense = np.asarray(array.toarray() if hasattr(array, "toarray") else array, np.int64)
    numbers = np.arange(dense.shape[1])
    given = getattr(y, "columns", None)
    names = tuple(map(str, numbers if given is None else given))
    return Targets(Task("multi-label", names), dense, numbers)


def _classes_as_array(y: Any, where: str) -> Any:
    """As NumPy has it; of objects, those of one type are told apart from a mixture."""
    _check_given(y, where)
    if hasattr(y, "toarray"):
        return y
    array = np.asarray(y, object) if isinstance(y, list | tuple) else _as_array(y)
    if array.dtype != object or array.ndim == 0:
        return array
    values = array.ravel().tolist()
    for number, value in enumerate(values):
        if _is_missing(value):
            raise DataError(
                f"{where}: y: expected a class for every text, got none at index {number}"
            )
    are_texts = [isinstance(value, str) for value in values]
    if all(are_texts) and isinstance(y, np.ndarray):
        return array
    if any(are_texts) and not all(are_texts):
        other = type(values[are_texts.index(False)]).__name__
        raise DataError(f"{where}: y: expected classes of one type, got str and {other}")
    # What a list or a column holds as objects, such as truth values, in their own type.
    return array if all(are_texts) and not isinstance(y, list | tuple) else np.asarray([*y])


def _as_array(y: Any) -> NDArray[Any]:
    """An array; also of a column that NumPy takes for one object."""
    array = np.asarray(y)
    return np.asarray(y.to_list()) if array.ndim == 0 and hasattr(y, "to_list") else array


def _check_given(y: Any, where: str) -> None:
    if y is None:
        raise DataError(f"{where} requires y to be passed, but the target y is None")


def _check_length(array: Any, num_texts: int, where: str) -> None:
    length = array.shape[0] if array.shape else 0
    if length != num_texts:
        raise DataError(
            f"{where}: expected as many targets in y as texts in X, got {num_texts:,} texts and "
            f"{length:,} targets"
        )


def _is_missing(value: Any) -> bool:
    is_nan = isinstance(value, float) and value != value
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def _names(values: Sequence[Any]) -> tuple[str, ...]:
    """Names for a model folder: as files would have them, if these are distinct."""
    names = tuple(map(class_name, values))
    return names if len({*names}) == len(names) else tuple(map(str, values))
