"""All that is known of a model's answers to some examples: metrics, intervals, classes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation import bootstrap, classes
from tidegate.evaluation.bootstrap import Bounds
from tidegate.evaluation.classes import ClassScores
from tidegate.evaluation.metrics import measure_predictions
from tidegate.evaluation.weighted_metrics import Values
from tidegate.task import Task

Name = TypeVar("Name", bound=str)


@dataclass(frozen=True)
class Measurement:
    """The metrics of one model, how sure they are, and what it does class by class."""

    metrics: dict[str, float]
    """By name, as of :func:`~tidegate.evaluation.metrics.measure_predictions`."""
    intervals: dict[str, Bounds | None]
    """The 95 % interval of each metric, as of :func:`~tidegate.evaluation.bootstrap.interval`; None
    where the examples do not tell."""
    classes: list[ClassScores] | None
    """Precision, recall, F1 and number of examples of every class; None for a regression."""
    confusion: NDArray[np.int64] | None
    """As of :func:`~tidegate.evaluation.classes.confusion`; None for a regression."""

    def to_json(self) -> dict[str, Any]:
        """For a JSON file: no number in it is NaN or infinite."""
        counts = None if self.confusion is None else self.confusion.tolist()
        tables = None if self.classes is None else [asdict(one) for one in self.classes]
        bounds = {name: one and [*one] for name, one in self.intervals.items()}
        return {
            "metrics": self.metrics,
            "intervals": bounds,
            "classes": tables,
            "confusion": counts,
        }


def measure_all(
    task: Task, predictions: Mapping[Name, NDArray[np.float64]], targets: NDArray[Any]
) -> dict[Name, Measurement]:
    """Measure several models on the same examples.

    Args:
        task: What was asked.
        predictions: By a model's name, its predictions, in the form of
            :func:`~tidegate.evaluation.metrics.measure_predictions`.
        targets: As :class:`~tidegate.task.Task` describes; at least one.
    """
    resampled = bootstrap.resample(task, predictions, targets)
    return {
        name: _measurement(task, one, targets, resampled[name]) for name, one in predictions.items()
    }


def _measurement(
    task: Task,
    predictions: NDArray[np.float64],
    targets: NDArray[Any],
    resampled: Values,
) -> Measurement:
    metrics = measure_predictions(task, predictions, targets)
    bounds = bootstrap.intervals(metrics, resampled)
    if not task.is_classification:
        return Measurement(metrics, bounds, None, None)
    answers = task.decide_by(predictions)
    return Measurement(
        metrics,
        bounds,
        classes.table_of_classes(task, answers, targets),
        classes.confusion(task, answers, targets),
    )
