"""The report's table of metrics: all models by all metrics, with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from tidegate.evaluation import bootstrap
from tidegate.evaluation.bootstrap import Bounds
from tidegate.evaluation.weighted_metrics import Values
from tidegate.report.subjects import Subject, baseline_subjects, subjects
from tidegate.report.summary import Cell
from tidegate.runs.results import Results
from tidegate.task import Metric


@dataclass(frozen=True)
class Row:
    """The metrics of a model, or of a cell's networks of all seeds."""

    name: str
    values: list[float | None]
    """The mean over the seeds of each metric; None where the test part leaves it undefined."""
    bounds: list[Bounds | None]
    """The 95 % interval of each, over the test examples; None where they do not tell."""


def columns(results: Results) -> list[Metric]:
    """The task's metrics as far as the test part defines them."""
    measured = {name for model in results.models for name in model.metrics}
    return [metric for metric in results.task.metrics if metric.name in measured]


def rows(cells: Sequence[Cell], results: Results, *, with_intervals: bool = False) -> list[Row]:
    """All models of the run, and the same answer to everything.

    Args:
        cells: Those with finished jobs.
        results: The run's results.
        with_intervals: Compute them; it takes about a second a model and 25,000 examples.
    """
    shown = subjects(cells, results)
    if results.majority is not None:
        majority = results.majority.name
        shown.append(Subject("same answer to everything", "muted", [majority]))
    shown += baseline_subjects(results)
    names = [name for subject in shown for name in subject.models]
    resampled = {}
    if with_intervals and names and results.num_targets:
        predictions = {name: results.predictions[name] for name in names}
        resampled = bootstrap.resample(
            results.task,
            predictions,
            results.targets,
            num_resamples=bootstrap.NUM_RESAMPLES,
        )
    return [_row(subject, results, resampled) for subject in shown]


def _row(subject: Subject, results: Results, resampled: dict[str, Values]) -> Row:
    models = {model.name: model for model in results.models}
    values: list[float | None] = []
    bounds: list[Bounds | None] = []
    for metric in columns(results):
        metrics = [models[name].metrics for name in subject.models]
        measured = [one[metric.name] for one in metrics if metric.name in one]
        mean = fmean(measured) if measured else None
        values.append(mean)
        if mean is None or not resampled:
            bounds.append(None)
            continue
        # The samples are the same for all seeds, so their means have the spread of the mean.
        samples = np.mean([resampled[name][metric.name] for name in subject.models], axis=0)
        bounds.append(bootstrap.interval(metric.name, mean, samples))
    return Row(subject.name, values, bounds)
