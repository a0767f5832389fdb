"""What a model's outputs are worth: the metrics of every kind of task, scikit-learn's."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.task import Task


def measure(task: Task, outputs: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, float]:
    """The metrics of a task on some examples.

    Args:
        task: What was asked.
        outputs: Logits, or a regression's numbers, (N, C); N is at least 1.
        targets: As :class:`~tidegate.task.Task` describes.

    Returns:
        By name; shares are between 0 and 1. ``loss`` is cross-entropy in nats, for multi-label the
        mean over the labels, or a regression's mean squared error. Classification: ``accuracy``
        (multi-label: all labels of an example), ``balanced_accuracy``, ``macro_f1`` and, where
        every class occurs, ``roc_auc`` (several classes: each against the rest, their mean).
        Regression: ``mean_absolute_error``, ``root_mean_squared_error``, ``r2``.
    """
    # Here, for scikit-learn takes most of a second that many commands need not wait.
    from sklearn import metrics

    if task.kind == "regression":
        wanted = np.asarray(targets, np.float64).reshape(outputs.shape)
        squared = float(metrics.mean_squared_error(wanted, outputs))
        found = {
            "loss": squared,
            "mean_absolute_error": float(metrics.mean_absolute_error(wanted, outputs)),
            "root_mean_squared_error": squared**0.5,
        }
        if len(wanted) > 1:
            found["r2"] = float(metrics.r2_score(wanted, outputs))
        return found
    answers, chances = task.decide(outputs), task.probabilities(outputs)
    if task.kind == "multi-label":
        return _measure_labels(targets, answers, chances)
    labels = np.arange(len(task.classes))
    occurs = np.isin(labels, targets)
    # Classes that no example has are left out of the means over classes, as balanced_accuracy does.
    recalls = metrics.recall_score(targets, answers, labels=labels[occurs], average=None)
    found = {
        "loss": float(metrics.log_loss(targets, chances, labels=labels)),
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
        scores = chances if len(labels) > 2 else chances[:, 1]
        found["roc_auc"] = float(
            metrics.roc_auc_score(targets, scores, multi_class="ovr", labels=labels)
        )
    return found


def _measure_labels(
    targets: NDArray[Any], answers: NDArray[Any], chances: NDArray[np.float64]
) -> dict[str, float]:
    from sklearn import metrics

    columns = range(targets.shape[1])
    losses = [
        metrics.log_loss(targets[:, column], chances[:, column], labels=[0, 1])
        for column in columns
    ]
    recalls = [
        metrics.recall_score(targets[:, column], answers[:, column], pos_label=side)
        for column in columns
        for side in np.unique(targets[:, column])
    ]
    found = {
        "loss": float(np.mean(losses)),
        "accuracy": float(metrics.accuracy_score(targets, answers)),
        "balanced_accuracy": float(np.mean(recalls)),
        "macro_f1": float(metrics.f1_score(targets, answers, average="macro", zero_division=0.0)),
    }
    if all(0 < targets[:, column].sum() < len(targets) for column in columns):
        found["roc_auc"] = float(metrics.roc_auc_score(targets, chances, average="macro"))
    return found
