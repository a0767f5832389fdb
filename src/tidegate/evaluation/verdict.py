"""Which of two models is better, and which of several are level with the best."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation.intervals import Interval, mean_interval, wilson_interval
from tidegate.evaluation.paired import mcnemar, paired_t
from tidegate.task import Metric, Task

LEVEL = 0.05
"""The level of significance: with a larger p-value, two models count as equal."""

Scores = NDArray[np.float64]


class Verdict(NamedTuple):
    """On the second of two models against the first, in every seed."""

    is_better: bool
    is_worse: bool
    p_value: float
    """The largest of the seeds' tests."""
    num_seeds: int


def scores(task: Task, predictions: NDArray[np.float64], targets: NDArray[Any]) -> Scores:
    """The numbers, one for every example, whose mean is the task's main metric.

    Args:
        task: What was asked.
        predictions: Probabilities, or a regression's numbers, (N, number of classes).
        targets: As :class:`~tidegate.task.Task` describes.

    Returns:
        (N,): 1 where the answer is right (for multi-label, all labels of it) and else 0; for a
        regression or a forecast the mean absolute error.
    """
    answers = task.decide_by(predictions)
    if task.kind == "forecast":
        errors = np.abs(answers - task.split_targets(targets)[0])
        counts = (~np.isnan(errors)).sum(1)
        return np.asarray(np.nansum(errors, 1) / np.maximum(counts, 1))
    if not task.is_classification:
        return np.asarray(np.abs(answers - targets.reshape(answers.shape)).mean(1))
    is_right = (answers == targets).reshape(len(targets), -1).all(1)
    return np.asarray(is_right, np.float64)


def judge(metric: Metric, first: Sequence[Scores], second: Sequence[Scores]) -> Verdict:
    """Compare two models on the same test examples, seed by seed.

    Right answers are compared by the exact test of McNemar, errors by Student's paired t-test.

    Args:
        metric: The task's main metric.
        first, second: The :func:`scores` of all examples, for every seed; at least one seed.
    """
    pairs = [*zip(first, second, strict=True)]
    test = _mcnemar if metric.is_share else paired_t
    largest = max(test(one, two) for one, two in pairs)
    gains = [metric.sign * (two.sum() - one.sum()) for one, two in pairs]
    is_sure = largest < LEVEL
    return Verdict(
        is_better=is_sure and all(gain > 0 for gain in gains),
        is_worse=is_sure and all(gain < 0 for gain in gains),
        p_value=largest,
        num_seeds=len(pairs),
    )


def interval(metric: Metric, values: Scores) -> Interval:
    """The mean of one model's scores, with the 95 % interval that so many test examples allow:
    Wilson's for a share, Student's for an error; an error on one example alone has none."""
    mean = float(values.mean()) if len(values) else 0.0
    if metric.is_share:
        return Interval(mean, *wilson_interval(mean, len(values)))
    return mean_interval(values) if len(values) > 1 else Interval(mean, mean, mean)


def num_level_with_best(metric: Metric, spreads: Sequence[Interval]) -> int:
    """How many models next to the best have a spread that reaches into the best one's.

    Args:
        metric: The task's main metric.
        spreads: The interval of each model's metric, the best model first.
    """

    def worst_and_best(spread: Interval) -> tuple[float, float]:
        ends = sorted([metric.sign * spread.low, metric.sign * spread.high])
        return ends[0], ends[1]

    lowest = worst_and_best(spreads[0])[0]
    return len([*takewhile(lambda spread: worst_and_best(spread)[1] >= lowest, spreads[1:])])


def _mcnemar(first: Scores, second: Scores) -> float:
    return mcnemar(first > 0.5, second > 0.5).p_value
