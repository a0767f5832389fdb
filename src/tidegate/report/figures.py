"""The report's learning curves, and its chart of the main metric of every seed."""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tidegate.report.prose import value as written
from tidegate.report.summary import Cell
from tidegate.report.svg import POINTS_PER_INCH, STAND_INS, WIDTH, style, svg
from tidegate.runs.results import LinearModel
from tidegate.task import METRICS, Metric
from tidegate.training.history import Epoch

Curve = Callable[[Epoch], float]


def _measures(metric: Metric) -> list[tuple[Metric, Curve, Curve]]:
    """The loss and the main metric, each with its curve of training and of validation."""
    return [
        (METRICS["loss"], lambda epoch: epoch.loss, lambda epoch: epoch.validation_loss),
        (metric, lambda epoch: epoch.score, lambda epoch: epoch.validation_score),
    ]


_PERCENT = FuncFormatter(lambda value, _: f"{100 * value:.4g} %")
_ROW_HEIGHT = 44
"""The height of a row of the dot plot with its label, in points."""


def curves_width(num_cells: int) -> float:
    """The width of one cell's learning curves, in points; up to four fit side by side."""
    return min(WIDTH, max(219, 0.9 * (940 / max(2, num_cells) - 16)))


def learning_curves(cells: Sequence[Cell]) -> list[Markup]:
    """One chart a cell, loss above accuracy, all with the same axes.

    Args:
        cells: Those with finished jobs.
    """
    width = curves_width(len(cells))
    with style():
        return [
            svg(
                _curves_figure(cell, cells, width),
                name=f"curves-{index}",
                title=f"Learning curves of {cell.name}",
                description=_curves_in_words(cell),
            )
            for index, cell in enumerate(cells)
        ]


def score_dots(cells: Sequence[Cell], linear: LinearModel | None = None) -> Markup:
    """The main metric of every seed, one row a cell, with mean, spread and published figure.

    Args:
        cells: Those with finished jobs; at least one.
        linear: Drawn as a line through all rows.
    """
    metric = cells[0].metric
    with style():
        height = 48 + _ROW_HEIGHT * len(cells)
        figure = Figure(figsize=(WIDTH / POINTS_PER_INCH, height / POINTS_PER_INCH))
        axes = figure.add_axes((0.01, 40 / height, 0.98, 1 - 44 / height))
        for row, cell in enumerate(cells):
            _dots_row(axes, cell, row)
        if linear is not None:
            axes.axvline(
                linear.metrics[metric.name],
                color=STAND_INS["linear"],
                linestyle="--",
                linewidth=1.4,
                zorder=1,
                gid="linear",
            )
        axes.set_ylim(len(cells) - 0.6, -0.7)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(5))
        if metric.is_share:
            axes.xaxis.set_major_formatter(_PERCENT)
        axes.margins(x=0.06)
        axes.grid(axis="x")
        axes.set_xlabel(f"test {metric.text}")
        means = [(cell.name, cell.score.mean) for cell in cells]
        if linear is not None:
            means.append(("linear model", linear.metrics[metric.name]))
        description = "; ".join(f"{name} {written(metric, value)}" for name, value in means)
        title = f"Test {metric.text} of each cell"
        return svg(figure, name="dots", title=title, description=description)


def _curves_figure(cell: Cell, cells: Sequence[Cell], width: float) -> Figure:
    height, left, right = 360, 42, 6
    figure = Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH))
    num_epochs = max(len(job.history) for other in cells for job in other.jobs)
    for row, (measure, training, validation) in enumerate(_measures(cell.metric)):
        bottom = 0.555 if row == 0 else 0.105
        axes = figure.add_axes((left / width, bottom, 1 - (left + right) / width, 0.37))
        _draw_curves(axes, cell, f"{measure.name}-training", training, "--")
        _draw_curves(axes, cell, f"{measure.name}-validation", validation, "-")
        _mark_best(axes, cell, measure, validation)
        # Above the labels of the axis, to leave room for the best epoch at the right.
        edge = -left / (width - left - right)
        axes.set_title(measure.text, loc="left", x=edge, color=STAND_INS["text"], fontweight="bold")
        axes.set_ylim(_shared_limits(cells, [training, validation]))
        axes.set_xlim((0.5, 1.5) if num_epochs == 1 else (1 - 0.04 * num_epochs, num_epochs * 1.04))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        if measure.is_share:
            axes.yaxis.set_major_formatter(_PERCENT)
        axes.grid(axis="y")
        if row == 0:
            axes.tick_params(labelbottom=False)
        else:
            axes.set_xlabel("epoch")
    return figure


def _draw_curves(axes: Axes, cell: Cell, name: str, value: Curve, style: str) -> None:
    """The mean over the seeds; with several seeds, each of them thinly too."""
    color = STAND_INS[f"cell-{cell.slug}"]
    mean = cell.mean_curve(value)
    lines = [(f"{name}-mean", mean, 1.8, 1.0)]
    if len(cell.jobs) > 1:
        lines += [
            (f"{name}-seed-{job.seed}", [value(epoch) for epoch in job.history], 0.7, 0.55)
            for job in cell.jobs
        ]
    for gid, values, width, alpha in lines:
        axes.plot(
            range(1, len(values) + 1),
            values,
            style,
            color=color,
            linewidth=width,
            alpha=alpha,
            # One epoch makes no line: a dot for validation, a ring for training.
            marker="o" if len(values) == 1 else "",
            markersize=3 + 2 * alpha,
            markerfacecolor="none" if style == "--" else color,
            gid=gid,
        )


def _best_epoch(cell: Cell, measure: Metric, value: Curve) -> tuple[int, float]:
    """The epoch, counted from 1, whose mean validation measure is best, and that measure."""
    mean = cell.mean_curve(value)
    best = min(mean) if measure.lower_is_better else max(mean)
    return mean.index(best) + 1, best


def _mark_best(axes: Axes, cell: Cell, measure: Metric, value: Curve) -> None:
    epoch, best = _best_epoch(cell, measure, value)
    color = STAND_INS[f"cell-{cell.slug}"]
    axes.plot([epoch], [best], "o", markersize=6, color=color, gid=f"{measure.name}-best")
    shown = written(measure, best) if measure.is_share else f"{best:.3f}"
    axes.set_title(f"best {shown}, epoch {epoch}", loc="right", color=color)


def _curves_in_words(cell: Cell) -> str:
    best_epochs = [
        (measure.text, *_best_epoch(cell, measure, validation))
        for measure, _, validation in _measures(cell.metric)
    ]
    return "; ".join(
        f"best validation {measure} {best:.4f} at epoch {epoch}"
        for measure, epoch, best in best_epochs
    )


def _shared_limits(cells: Sequence[Cell], values: Sequence[Curve]) -> tuple[float, float]:
    """Limits that hold every curve of every cell, with some room."""
    epochs = [epoch for cell in cells for job in cell.jobs for epoch in job.history]
    drawn = [value(epoch) for epoch in epochs for value in values]
    finite = [value for value in drawn if isfinite(value)] or [0.0]
    room = 0.06 * (max(finite) - min(finite)) or 0.05
    return min(finite) - room, max(finite) + room


def _dots_row(axes: Axes, cell: Cell, row: int) -> None:
    color = STAND_INS[f"cell-{cell.slug}"]
    spread, name = cell.spread, cell.metric.name
    axes.plot(
        [spread.low, spread.high], [row, row], color=color, linewidth=1.2, gid=f"spread-{row}"
    )
    if len(cell.jobs) > 1:
        bar: dict[str, Any] = {
            "markersize": 16,
            "markeredgewidth": 2.2,
            "zorder": 3,
            "gid": f"mean-{row}",
        }
        axes.plot([spread.mean], [row], "|", color=STAND_INS["text"], **bar)
    for job in cell.jobs:
        axes.plot(
            [job.metrics[name]],
            [row],
            "o",
            color=color,
            markersize=6,
            markeredgecolor=STAND_INS["surface"],
            markeredgewidth=0.8,
            gid=f"dot-{row}-seed-{job.seed}",
        )
        blend = cell.results.blend_of(job)
        if blend is not None:
            axes.plot(
                [blend.metrics[name]],
                [row],
                "o",
                color=color,
                markersize=7,
                markerfacecolor=STAND_INS["surface"],
                markeredgewidth=1.4,
                gid=f"combined-{row}-seed-{job.seed}",
            )
    if cell.reference:
        axes.plot(
            [cell.reference[f"test_{name}"]],
            [row],
            "D",
            color=STAND_INS["text"],
            markersize=8,
            markeredgewidth=1.2,
            markerfacecolor="none",
            gid=f"reference-{row}",
        )
    # Names may come from anywhere, so no mathematics is read into them.
    place: dict[str, Any] = {
        "transform": axes.get_yaxis_transform(),
        "va": "center",
        "parse_math": False,
    }
    axes.text(0, row - 0.38, cell.name, ha="left", color=STAND_INS["text"], **place)
    figures = written(cell.metric, spread.mean)
    if cell.combined:
        figures += f" alone, {written(cell.metric, cell.combined.mean)} together"
    axes.text(1, row - 0.38, figures, ha="right", color=color, **place)
