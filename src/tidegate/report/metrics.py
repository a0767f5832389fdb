"""The report's tables of metrics: all models by all metrics, and what is taken for what."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from tidegate.report.summary import Cell
from tidegate.runs.results import Metrics, Results
from tidegate.task import Metric

MOST_CLASSES = 20
"""Of a confusion matrix: with more it is too wide to be read."""


@dataclass(frozen=True)
class Row:
    """A model, or a cell's networks of all seeds."""

    name: str
    values: list[float | None]
    """Of each metric the mean over the seeds; None where the test part leaves it undefined."""


@dataclass(frozen=True)
class Confusion:
    """How often a cell's networks take one class for another."""

    cell: Cell
    counts: list[list[int]]
    """By the right class and the answer, over all seeds."""

    def share(self, row: int, column: int) -> float:
        """Of the examples of a class those with an answer; 0 where it has none."""
        return self.counts[row][column] / max(1, sum(self.counts[row]))


def columns(results: Results) -> list[Metric]:
    """The task's metrics as far as the test part defines them."""
    found = {name for model in results.models for name in model.metrics}
    return [metric for metric in results.task.metrics if metric.name in found]


def rows(cells: Sequence[Cell], results: Results) -> list[Row]:
    """All models of the run: networks, each with the linear model, that alone, and the constant
    answer."""
    named: list[tuple[str, Sequence[Metrics]]] = []
    for cell in cells:
        named.append((cell.name, [job.metrics for job in cell.jobs]))
        blends = [blend.metrics for blend in cell.blends]
        named.append((f"{cell.name} with the linear model", blends))
    if results.linear is not None:
        named.append(("linear model", [results.linear.metrics]))
    if results.majority is not None:
        named.append(("same answer to everything", [results.majority.metrics]))
    return [
        Row(name, [_mean(metric, found) for metric in columns(results)])
        for name, found in named
        if found
    ]


def confusions(cells: Sequence[Cell], results: Results) -> list[Confusion]:
    """The confusion matrix of every cell; none where classes are too many or no classes."""
    task, count = results.task, len(results.task.classes)
    if not task.has_one_class or count > MOST_CLASSES:
        return []
    found = []
    for cell in cells:
        total = np.zeros(count * count, np.int64)
        for job in cell.jobs:
            answers = task.decide_by(results.predictions[job.name])
            total += np.bincount(results.targets * count + answers, minlength=count * count)
        found.append(Confusion(cell, total.reshape(count, count).tolist()))
    return found


def _mean(metric: Metric, found: Sequence[Metrics]) -> float | None:
    values = [one[metric.name] for one in found if metric.name in one]
    return fmean(values) if values else None
