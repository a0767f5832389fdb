"""Evaluation of a trained model on labelled texts, as a whole and of each part alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.windows import Windows
from tidegate.errors import DataError, MissingPackageError
from tidegate.evaluation.measurement import Measurement, measure_all
from tidegate.inference.predictor import Part, Predictor
from tidegate.task import Task

FORMAT = "tidegate.evaluation/1"
PACKAGES = {"sklearn": "scikit-learn", "scipy": "scipy"}
"""The modules that compute the metrics, and the names of their packages for pip."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a trained model on labelled texts."""

    task: Task
    num_examples: int
    parts: dict[Part, Measurement]
    """``all`` is the whole model; where it has a linear model beside the network, ``network`` and
    ``linear`` are these alone."""

    def to_json(self) -> dict[str, Any]:
        """The evaluation as JSON values, in the form that ``docs/results.md`` describes."""
        return {
            "format": FORMAT,
            "task": self.task.to_json(),
            "num_examples": self.num_examples,
            "parts": {part: one.to_json() for part, one in self.parts.items()},
        }


def evaluate(model: Predictor, given: Any, targets: Sequence[Any] | NDArray[Any]) -> Evaluation:
    """Measure a model on labelled texts or series.

    Needs scikit-learn and SciPy, and no PyTorch.

    Args:
        model: A trained model, as :func:`tidegate.load` returns it.
        given: At least one text or series, as :meth:`Predictor.predict` takes them; or the
            :class:`~tidegate.data.windows.Windows` of a forecast.
        targets: The right answer for each: the name of a class, the names of the labels that
            hold, a number or numbers. Or the array that :class:`~tidegate.task.Task` describes: for
            classes, their indices in ``model.classes``, (N,).

    Returns:
        Metrics with their 95 % intervals, the table of classes and the confusion matrix, of the
        whole model and of its parts.

    Raises:
        DataError: Texts and targets do not fit each other or the model, or there are none.
        MissingPackageError: scikit-learn or SciPy is not installed.

    Example:
        >>> evaluation = tidegate.evaluate(model, ["wonderful", "dull"], ["pos", "neg"])
        >>> evaluation.parts["all"].metrics["accuracy"]
        1.0
    """
    check_packages()
    if len(given) != len(targets) or not len(targets):
        raise DataError(
            f"evaluate: expected as many targets as examples and at least one, got {len(given):,} "
            f"examples and {len(targets):,} targets"
        )
    right = _targets(model.task, targets)
    task, outputs = model.task, _outputs(model, given)
    predictions = {part: task.predictions(one) for part, one in outputs.items()}
    return Evaluation(task, len(right), measure_all(task, predictions, right))


def check_packages() -> None:
    """Check that scikit-learn and SciPy are installed.

    Raises:
        MissingPackageError: One is missing; the message has the command that installs it.
    """
    missing = [name for module, name in PACKAGES.items() if not _is_installed(module)]
    if missing:
        raise MissingPackageError(
            f"evaluate: expected the packages {' and '.join(PACKAGES.values())}, got no "
            f"{' and no '.join(missing)}; pip install {' '.join(missing)}"
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # a module that is blocked in sys.modules
        return False


def _outputs(model: Predictor, given: Any) -> dict[Part, NDArray[np.float64]]:
    """The outputs of every part, (N, C); the network runs only once."""
    if isinstance(given, Windows):
        return {"all": model.outputs_of(given.batch(np.arange(len(given)))[0])}
    blend = model.folder.blend
    if blend is None or "linear" not in model.parts:
        return {"all": model.outputs(given)}
    network, linear = (model.outputs(given, part=part) for part in ("network", "linear"))
    both = blend.combine({"network": network, "linear": linear})
    return {"all": both, "network": network, "linear": linear}


def _targets(task: Task, targets: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    """Targets in the form of :class:`~tidegate.task.Task`, from that form or from names.

    Raises:
        DataError: A target that the task does not have.
    """
    values = targets.tolist() if isinstance(targets, np.ndarray) else [*targets]
    if any(map(_is_named, values)):
        values = [_target(task, value, number) for number, value in enumerate(values)]
    try:
        array = np.asarray(values)
        wanted = np.dtype(np.int64 if task.is_classification else np.float64)
        if array.dtype.kind in ("iu" if task.is_classification else "iuf"):
            array = array.astype(wanted)
        task.check_targets(array)
    except ValueError as error:
        raise DataError(f"evaluate: {error}") from error
    return array


def _is_named(value: Any) -> bool:
    """Whether a target is the name of a class, or a list of names of labels."""
    several = value if isinstance(value, list | tuple) else [value]
    return all(isinstance(one, str) for one in several)


def _target(task: Task, value: Any, number: int) -> Any:
    try:
        return task.target(value)
    except ValueError as error:
        raise DataError(
            f"evaluate: expected {error} at index {number} of the targets, got {value!r}"
        ) from error
