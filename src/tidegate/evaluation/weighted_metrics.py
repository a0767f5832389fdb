"""The metrics of a task with weights of the examples, for many sets of weights at once.

All but ROC AUC follow from sums over the examples, so that a thousand sets of weights cost a few
products of matrices; one call of scikit-learn each would take minutes.
"""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation.calibration import NUM_BINS, answer_probabilities, equal_bins
from tidegate.evaluation.forecasts import ForecastErrors
from tidegate.evaluation.metrics import errors_of
from tidegate.evaluation.weighted_auc import WeightedAUC
from tidegate.task import Task

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Values = dict[str, NDArray[np.float64]]
"""By a metric's name: its value for each set of weights, (B,); NaN where it is undefined."""

SMALLEST_SPREAD = 1e-12
"""A smaller variance, as a share of the variance without weights, is taken for rounding."""


class WeightedMetrics(Protocol):
    """The metrics of one model on one set of examples."""

    def __call__(self, weights: NDArray[np.int32]) -> Values:
        """The metrics of :func:`~tidegate.evaluation.metrics.measure_predictions` with weights.

        Args:
            weights: Numbers of copies of every example, (N, B); each set adds up to 1 or more.
        """


def weighted_metrics(
    task: Task, predictions: NDArray[np.float64], targets: NDArray[Any]
) -> WeightedMetrics:
    """Prepare what does not depend on the weights.

    Args:
        task, predictions, targets: As of :func:`~tidegate.evaluation.metrics.measure_predictions`.
    """
    if task.is_classification:
        return _Classes(task, predictions, targets)
    if task.kind == "forecast":
        return _Forecasts(errors_of(task, predictions, targets))
    return _Numbers(predictions, np.reshape(targets, predictions.shape))


class _Classes:
    """A classification's metrics: from counts by class, but for ROC AUC."""

    def __init__(self, task: Task, predictions: NDArray[np.float64], targets: NDArray[Any]) -> None:
        self._has_one_class = task.has_one_class
        answers = task.decide_by(predictions)
        num_classes = len(task.classes)
        is_target, is_answer = targets == 1, answers == 1
        if task.has_one_class:
            classes = np.arange(num_classes)
            is_target, is_answer = targets[:, None] == classes, answers[:, None] == classes
        is_right = (is_target == is_answer).all(1)
        self._means = np.stack([_losses(task, predictions, is_target), is_right])
        self._support, self._answered, self._right = (
            _sparse(one) for one in (is_target, is_answer, is_target & is_answer)
        )
        probabilities = answer_probabilities(task, predictions)
        hits = is_right[:, None] if task.has_one_class else is_target == is_answer
        self._num_columns = probabilities.shape[1]
        self._gaps = _gaps(probabilities, hits)
        # Of two classes, the second one's area is the first one's too.
        columns = range(num_classes == 2 and task.has_one_class, num_classes)
        self._areas = [WeightedAUC(predictions[:, one], is_target[:, one]) for one in columns]

    def __call__(self, weights: NDArray[np.int32]) -> Values:
        exact = weights.astype(np.float64)
        total = exact.sum(0)
        loss, accuracy = self._means @ exact / total
        support, answered, right = (
            one @ exact for one in (self._support, self._answered, self._right)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            recalls, f1 = right / support, 2 * right / (support + answered)
            if self._has_one_class:
                f1 = np.where(support > 0, f1, np.nan)
            else:
                neither = total - support - answered + right
                recalls = np.concatenate([recalls, neither / (total - support)])
                f1 = np.nan_to_num(f1, nan=0.0)
            values = {
                "loss": loss,
                "accuracy": accuracy,
                "balanced_accuracy": _mean_of_defined(recalls),
                "macro_f1": _mean_of_defined(f1),
                "roc_auc": np.mean([area(weights) for area in self._areas], axis=0),
            }
        gaps = np.abs(self._gaps @ exact).sum(0)
        return {**values, "calibration_error": gaps / total / self._num_columns}


class _Forecasts:
    """A forecast's metrics, from sums over the windows and the values that are there."""

    def __init__(self, errors: ForecastErrors) -> None:
        parts = {
            "mean_absolute_error": errors.absolute,
            "root_mean_squared_error": errors.absolute**2,
            "smape": errors.symmetric,
            "mase": errors.scaled,
            "quantile_loss": errors.quantile,
            "coverage": errors.is_covered,
            "loss": 2 * errors.quantile,
        }
        self._sums = {name: np.nansum(part, (1, 2)) for name, part in parts.items()}
        self._counts = {name: (~np.isnan(part)).sum((1, 2)) for name, part in parts.items()}

    def __call__(self, weights: NDArray[np.int32]) -> Values:
        exact = weights.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = {
                name: (sums @ exact) / (self._counts[name] @ exact)
                for name, sums in self._sums.items()
            }
        squared = "root_mean_squared_error"
        return {**values, squared: np.sqrt(values[squared])}


class _Numbers:
    """A regression's metrics, from sums over the examples."""

    def __init__(self, predictions: NDArray[np.float64], targets: NDArray[np.float64]) -> None:
        errors = predictions - targets
        # Shifted to mean 0, for a variance is a small difference of large sums.
        self._parts = np.stack(
            [np.abs(errors), errors**2, *_moments(targets - targets.mean(0), predictions)]
        )
        self._least = SMALLEST_SPREAD * np.stack([targets.var(0), predictions.var(0)])[:, :, None]

    def __call__(self, weights: NDArray[np.int32]) -> Values:
        exact = weights.astype(np.float64)
        # (parts, C, B): the means of every part, of every number, for every set of weights.
        absolute, squared, target, target2, other, other2, product = np.tensordot(
            self._parts, exact, axes=(1, 0)
        ) / exact.sum(0)
        variances = np.stack([target2 - target**2, other2 - other**2])
        variances[variances <= self._least] = np.nan
        correlations = (product - target * other) / np.sqrt(variances[0] * variances[1])
        loss = squared.mean(0)
        return {
            "loss": loss,
            "mean_absolute_error": absolute.mean(0),
            "root_mean_squared_error": np.sqrt(loss),
            "r2": np.asarray((1 - squared / variances[0]).mean(0)),
            "correlation": np.asarray(correlations.mean(0)),
        }


def _moments(
    targets: NDArray[np.float64], predictions: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    others = predictions - predictions.mean(0)
    return [targets, targets**2, others, others**2, targets * others]


def _losses(
    task: Task, predictions: NDArray[np.float64], is_target: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The cross-entropy of every example, (N,), cut at the smallest probability that scikit-learn's
    ``log_loss`` takes."""
    right = np.where(is_target, predictions, 1 - predictions)
    logs = -np.log(np.maximum(right, np.finfo(np.float64).eps))
    return np.asarray(logs[is_target] if task.has_one_class else logs.mean(1))


def _gaps(probabilities: NDArray[np.float64], hits: NDArray[np.bool_]) -> "csr_array":
    """A row a bin of a column, an entry an example in it: its probability less 1 if it is right."""
    from scipy.sparse import csr_array

    count, num_columns = probabilities.shape
    bins = np.stack([equal_bins(column) for column in probabilities.T])
    rows = bins + NUM_BINS * np.arange(num_columns)[:, None]
    examples = np.tile(np.arange(count), num_columns)
    entries = (probabilities - hits).T.ravel(), (rows.ravel(), examples)
    return csr_array(entries, shape=(num_columns * NUM_BINS, count))


def _sparse(indicators: NDArray[np.bool_]) -> "csr_array":
    """A matrix (C, N) that sums weights by class, from truth values (N, C)."""
    from scipy.sparse import csr_array

    return csr_array(indicators.T.astype(np.float64))


def _mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the first axis, without NaN."""
    is_defined = ~np.isnan(values)
    return np.asarray(np.where(is_defined, values, 0).sum(0) / is_defined.sum(0))
