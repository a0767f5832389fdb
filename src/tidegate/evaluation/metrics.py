"""The metrics of every kind of task, by scikit-learn and SciPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation.calibration import answer_probabilities, calibration_error
from tidegate.evaluation.forecasts import ForecastErrors, forecast_errors
from tidegate.task import Task


def measure(task: Task, outputs: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, float]:
    """The metrics of a model's outputs, as of :func:`measure_predictions`.

    Args:
        task: What was asked.
        outputs: Logits, or a regression's numbers, (N, C); N is at least 1.
        targets: As :class:`~tidegate.task.Task` describes.
    """
    return measure_predictions(task, task.predictions(outputs), targets)


def measure_predictions(
    task: Task, predictions: NDArray[np.float64], targets: NDArray[Any]
) -> dict[str, float]:
    """The metrics of a task on some examples.

    Args:
        task: What was asked.
        predictions: Probabilities of all classes, or a regression's numbers, (N, number of
            classes); N is at least 1.
        targets: As :class:`~tidegate.task.Task` describes.

    Returns:
        By name; shares are between 0 and 1. ``loss`` is cross-entropy in nats, for multi-label the
        mean over the labels, or a regression's mean squared error. Classification: ``accuracy``
        (multi-label: all labels of an example), ``balanced_accuracy``, ``macro_f1``,
        ``calibration_error`` (multi-label: the mean over the labels) and, where every class occurs,
        ``roc_auc`` (several classes: each against the rest, their mean). Regression:
        ``mean_absolute_error``, ``root_mean_squared_error`` and, where the targets differ, ``r2``
        and, where the predictions differ too, ``correlation`` (several numbers: their means).
        Forecast: those of :class:`~tidegate.evaluation.forecasts.ForecastErrors`, and as ``loss``
        twice the quantile loss, so that the median's part is the absolute error.
    """
    if task.kind == "forecast":
        values = errors_of(task, predictions, targets).metrics()
        return {**values, "loss": 2 * values["quantile_loss"]}
    if task.kind == "regression":
        return _measure_numbers(predictions, np.reshape(targets, predictions.shape))
    answers = task.decide_by(predictions)
    if task.kind == "multi-label":
        metrics = _measure_labels(predictions, answers, targets)
    else:
        metrics = _measure_classes(predictions, answers, targets)
    probabilities = answer_probabilities(task, predictions)
    is_right = (answers == targets).reshape(probabilities.shape)
    columns = zip(probabilities.T, is_right.T, strict=True)
    errors = [calibration_error(*column) for column in columns]
    return {**metrics, "calibration_error": float(np.mean(errors))}


def errors_of(
    task: Task, predictions: NDArray[np.float64], targets: NDArray[Any]
) -> ForecastErrors:
    """What each value of a forecast is off by.

    Args:
        task: A forecast.
        predictions: (N, H * C * Q).
        targets: (N, (H + 1) * C), as :class:`~tidegate.task.Task` describes.
    """
    values, scales = task.split_targets(targets)
    return forecast_errors(predictions, values, task.quantiles, scales)


def _measure_classes(
    predictions: NDArray[np.float64], answers: NDArray[Any], targets: NDArray[Any]
) -> dict[str, float]:
    # Here, for scikit-learn takes most of a second that many commands need not wait.
    from sklearn import metrics

    labels = np.arange(predictions.shape[1])
    occurs = np.isin(labels, targets)
    # Classes that no example has are left out of the means over classes, as balanced_accuracy does.
    recalls = metrics.recall_score(targets, answers, labels=labels[occurs], average=None)
    values = {
        "loss": float(metrics.log_loss(targets, predictions, labels=labels)),
        "accuracy": float(metrics.accuracy_score(targets, answers)),
        "balanced_accuracy": float(np.mean(recalls)),
        "macro_f1": float(
            metrics.f1_score(
                targets, answers, labels=labels[occurs], average="macro", zero_division=0.0
            )
        ),
    }
    if occurs.all():
        # Of two classes scikit-learn wants the second one's alone.
        scores = predictions if len(labels) > 2 else predictions[:, 1]
        values["roc_auc"] = float(
            metrics.roc_auc_score(targets, scores, multi_class="ovr", labels=labels)
        )
    return values


def _measure_labels(
    predictions: NDArray[np.float64], answers: NDArray[Any], targets: NDArray[Any]
) -> dict[str, float]:
    from sklearn import metrics

    labels = [*zip(targets.T, answers.T, predictions.T, strict=True)]
    losses = [
        metrics.log_loss(right, probabilities, labels=[0, 1]) for right, _, probabilities in labels
    ]
    recalls = [
        metrics.recall_score(right, answered, pos_label=side)
        for right, answered, _ in labels
        for side in np.unique(right)
    ]
    f1 = [metrics.f1_score(right, answered, zero_division=0.0) for right, answered, _ in labels]
    values = {
        "loss": float(np.mean(losses)),
        "accuracy": float((answers == targets).all(1).mean()),
        "balanced_accuracy": float(np.mean(recalls)),
        "macro_f1": float(np.mean(f1)),
    }
    if all(0 < right.sum() < len(right) for right, _, _ in labels):
        areas = [metrics.roc_auc_score(right, probabilities) for right, _, probabilities in labels]
        values["roc_auc"] = float(np.mean(areas))
    return values


def _measure_numbers(
    predictions: NDArray[np.float64], targets: NDArray[np.float64]
) -> dict[str, float]:
    from scipy.stats import pearsonr
    from sklearn import metrics

    squared = float(metrics.mean_squared_error(targets, predictions))
    values = {
        "loss": squared,
        "mean_absolute_error": float(metrics.mean_absolute_error(targets, predictions)),
        "root_mean_squared_error": squared**0.5,
    }
    if differs(targets):
        values["r2"] = float(metrics.r2_score(targets, predictions))
        if differs(predictions):
            values["correlation"] = float(np.mean(pearsonr(targets, predictions, axis=0)[0]))
    return values


def differs(numbers: NDArray[np.float64]) -> bool:
    """Whether every column of (N, C) numbers has two values that are more than rounding apart."""
    spreads = np.ptp(numbers, axis=0)
    return bool((spreads > 1e-12 * np.abs(numbers).max(axis=0)).all())
