"""Forecasts of each model of the report against what came, and their errors by step ahead."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tidegate.evaluation.forecasts import forecast_errors
from tidegate.report.subjects import Subject
from tidegate.report.svg import POINTS_PER_INCH, STAND_INS, WIDTH, style, svg
from tidegate.runs.results import Results

MOST_DRAWN = 240
"""Steps in a picture."""
MOST_CHANNELS = 4
"""Channels that are drawn, the first ones."""
HEIGHT = 170
"""Points of a picture."""


@dataclass(frozen=True)
class Ahead:
    """Errors at one step ahead, over all points in time."""

    step: int
    """1 for the next one."""
    mean_absolute_error: float
    coverage: float


@dataclass(frozen=True)
class ForecastReport:
    """The forecasts of one channel by a model, over its seeds."""

    subject: Subject
    channel: str
    right: NDArray[np.float64]
    """What came, at the last points in time, (T,); NaN where missing."""
    quantiles: NDArray[np.float64]
    """The mean over the seeds of each quantile of these steps, (T, Q)."""
    median: int
    """The place of the median among the quantiles."""
    ahead: list[Ahead]


def forecast_reports(subjects: Sequence[Subject], results: Results) -> list[ForecastReport]:
    """The forecasts of every subject; nothing for another task."""
    task = results.task
    if task.kind != "forecast" or not len(results.targets):
        return []
    values, scales = task.split_targets(results.targets)
    count, channels, levels = len(values), len(task.classes), len(task.quantiles)
    right = values.reshape(count, task.horizon, channels)
    last = max(MOST_DRAWN // task.horizon, 1)
    reports = []
    for subject in subjects:
        predictions = [results.predictions[name] for name in subject.models]
        mean = np.mean(predictions, axis=0)
        errors = [forecast_errors(one, values, task.quantiles, scales) for one in predictions]
        absolute = np.mean([one.absolute for one in errors], axis=0)
        covered = np.mean([one.is_covered for one in errors], axis=0)
        given = mean.reshape(count, task.horizon, channels, levels)
        for channel, name in enumerate(task.classes[:MOST_CHANNELS]):
            ahead = [
                Ahead(
                    step + 1,
                    float(np.nanmean(absolute[:, step, channel])),
                    float(np.nanmean(covered[:, step, channel])),
                )
                for step in range(task.horizon)
                if not np.isnan(absolute[:, step, channel]).all()
            ]
            reports.append(
                ForecastReport(
                    subject,
                    name,
                    right[-last:, :, channel].reshape(-1),
                    given[-last:, :, channel].reshape(-1, levels),
                    task.quantiles.index(0.5),
                    ahead,
                )
            )
    return reports


def forecast_picture(report: ForecastReport, name: str, horizon: int) -> Markup:
    """What came as a line, the medians as another, and the outer quantiles as a band.

    Args:
        report: The forecasts of one channel by one model.
        name: As of :func:`~tidegate.report.svg.svg`.
        horizon: Steps from one point in time, marked by a thin line, to the next.
    """
    color = STAND_INS[report.subject.color]
    steps = np.arange(len(report.right))
    with style():
        figure = Figure(figsize=(WIDTH / POINTS_PER_INCH, HEIGHT / POINTS_PER_INCH))
        axes = figure.add_axes((52 / WIDTH, 30 / HEIGHT, 1 - 58 / WIDTH, 1 - 38 / HEIGHT))
        for start in range(0, len(steps), horizon):
            axes.axvline(start - 0.5, color=STAND_INS["rule"], linewidth=0.8, zorder=0)
            part = slice(start, start + horizon)
            axes.fill_between(
                steps[part],
                report.quantiles[part, 0],
                report.quantiles[part, -1],
                color=color,
                alpha=0.25,
                linewidth=0,
            )
            axes.plot(
                steps[part], report.quantiles[part, report.median], color=color, linewidth=1.4
            )
        axes.plot(steps, report.right, color=STAND_INS["text"], linewidth=0.9)
        axes.set_xlabel("test steps")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
        axes.margins(x=0.01)
        first, last = report.ahead[0], report.ahead[-1]
        return svg(
            figure,
            name=name,
            title=f"Forecast of {report.channel} by {report.subject.name}",
            description=(
                f"mean absolute error {first.mean_absolute_error:.4g} at step {first.step} ahead, "
                f"{last.mean_absolute_error:.4g} at step {last.step}"
            ),
        )
