"""The report's pictures of answers: confusion matrices, and predicted against right numbers."""

from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tidegate.report.classes import ClassReport
from tidegate.report.prose import percent
from tidegate.report.regression import RegressionReport
from tidegate.report.svg import POINTS_PER_INCH, STAND_INS, WIDTH, style, svg

MOST_NAMED = 12
"""Classes whose names stand beside their rows; with more, every fifth row has its number."""
MOST_WRITTEN = 8
"""Classes whose shares stand in the squares; with more, they do not fit."""
OUTCOMES = ("both", "missed", "extra", "neither")
"""The four outcomes for a label: right and answered, only right, only answered, neither."""
_LONGEST_NAME = 14
_CHARACTER = 7.4
"""Points that a character of the page's font takes at most, on average."""
_NUM_LEVELS = 12
"""Shades: squares of one shade are one path, which keeps the page small."""
_GRID = 40
"""Squares in a row of predicted against right numbers."""


def confusion_picture(report: ClassReport, name: str) -> Markup:
    """The confusion matrix: a square's shade is its share of the examples of its right class.

    For multi-label, shares are of the examples that have the label (both, missed), or of those
    without it (extra, neither).

    Args:
        report: The class report of one subject.
        name: As of :func:`~tidegate.report.svg.svg`.
    """
    shares, headings = _shares(report)
    with style():
        figure = _matrix(report, shares, headings)
        return svg(
            figure,
            name=name,
            title=f"Confusion matrix of {report.subject.name}",
            description=_confusion_in_words(report),
        )


def regression_picture(report: RegressionReport, name: str) -> Markup:
    """Predicted against right numbers, as squares that are darker where more examples lie.

    Args:
        report: The report of one number of one subject.
        name: As of :func:`~tidegate.report.svg.svg`.
    """
    both = np.concatenate([report.right, report.predicted])
    low, high = float(both.min()), float(both.max())
    room = 0.03 * (high - low) or 0.5
    limits = low - room, high + room
    counts, edges, _ = np.histogram2d(
        report.right, report.predicted, bins=_GRID, range=[limits] * 2
    )
    shades = np.log1p(counts.T) / np.log1p(counts.max())
    with style():
        figure, axes = _square_figure(60, 8, 8, 44)
        _draw_shades(axes, shades, edges, edges, report.subject.color, inset=0.0)
        axes.plot(limits, limits, color=STAND_INS["muted"], linewidth=1, zorder=1, gid="equal")
        axes.set(xlim=limits, ylim=limits, xlabel="right", ylabel="predicted")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
        axes.grid()
        return svg(
            figure,
            name=name,
            title=f"Predicted against right {report.number} of {report.subject.name}",
            description="; ".join(
                f"right {group.mean_right:.4g}, predicted {group.mean_predicted:.4g} on average"
                for group in report.groups
            ),
        )


def _shares(report: ClassReport) -> tuple[NDArray[np.float64], list[str]]:
    """The shares that the squares show, (C, columns), and the headings of the columns."""
    counts = report.counts
    if counts.ndim == 2:
        totals = counts.sum(1, keepdims=True)
        return counts / np.maximum(totals, 1), _numbered(len(counts))
    shares = counts / np.maximum(counts.sum(2, keepdims=True), 1)
    (neither, extra), (missed, both) = np.moveaxis(shares, 0, 2)
    return np.stack([both, missed, extra, neither], axis=1), [*OUTCOMES]


def _numbered(count: int) -> list[str]:
    """Headings of classes: their numbers, of many every fifth."""
    if count <= MOST_NAMED:
        return [str(number) for number in range(1, count + 1)]
    return [str(number) if number == 1 or number % 5 == 0 else "" for number in range(1, count + 1)]


def _matrix(report: ClassReport, shares: NDArray[np.float64], headings: list[str]) -> Figure:
    num_rows, num_columns = shares.shape
    labels = _numbered(num_rows)
    if num_rows <= MOST_NAMED:
        names = [_shortened(name) for name in report.names]
        labels, longest = names, _CHARACTER * (max(map(len, names)) + 1)
        if report.counts.ndim == 2 and (num_rows + 1) * longest < WIDTH:
            headings = names
        elif report.counts.ndim == 2:  # the columns have the numbers alone
            labels = [f"{name} \N{MIDDLE DOT} {number}" for number, name in enumerate(names, 1)]
    left = max(map(len, labels)) * _CHARACTER + 8
    row_height = min(44.0, max(22.0, (WIDTH - left) / num_columns))
    if num_rows > MOST_NAMED:
        row_height = max(7.0, (WIDTH - left) / num_rows)
    figure, axes = _square_figure(left, 2, 24, 4, height=row_height * num_rows + 28)
    columns, rows = np.arange(num_columns + 1.0), np.arange(num_rows + 1.0)
    inset = 0.04 if num_rows <= MOST_NAMED else 0.0
    _draw_shades(axes, shares, columns, rows, report.subject.color, inset=inset)
    axes.set(xlim=(0, num_columns), ylim=(num_rows, 0), xticks=[], yticks=[])
    axes.spines["bottom"].set_visible(False)
    text: dict[str, Any] = {"parse_math": False, "color": STAND_INS["muted"]}
    for place, label in enumerate(labels):
        at: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right"}
        axes.text(-6 / (WIDTH - left), place + 0.5, label, va="center", **at, **text)
    for place, label in enumerate(headings):
        at = {"transform": axes.get_xaxis_transform(), "ha": "center"}
        axes.text(place + 0.5, 1 + 4 / (row_height * num_rows), label, va="bottom", **at, **text)
    if num_rows <= MOST_WRITTEN or (report.counts.ndim == 3 and num_rows <= MOST_NAMED):
        for row, column in np.ndindex(shares.shape):
            axes.text(
                column + 0.5,
                row + 0.5,
                f"{100 * shares[row, column]:.0f}",
                ha="center",
                va="center",
                color=STAND_INS["text"],
            )
    return figure


def _square_figure(
    left: float, right: float, top: float, bottom: float, *, height: float | None = None
) -> tuple[Figure, Axes]:
    """A figure of the usual width with one pair of axes and such margins, in points."""
    height = WIDTH - left - right + top + bottom if height is None else height
    figure = Figure(figsize=(WIDTH / POINTS_PER_INCH, height / POINTS_PER_INCH))
    axes = figure.add_axes(
        (left / WIDTH, bottom / height, 1 - (left + right) / WIDTH, 1 - (top + bottom) / height)
    )
    return figure, axes


def _draw_shades(
    axes: Axes,
    shades: NDArray[np.float64],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    color: str,
    *,
    inset: float,
) -> None:
    """Fill the squares between edges, each as dark as its number from 0 to 1; 0 is left empty."""
    levels = np.ceil(np.clip(shades, 0, 1) * _NUM_LEVELS).astype(int)
    for level in range(1, _NUM_LEVELS + 1):
        places = np.argwhere(levels == level)
        if len(places):
            squares = (
                _square(columns[column : column + 2], rows[row : row + 2], inset)
                for row, column in places
            )
            axes.add_patch(
                PathPatch(
                    Path.make_compound_path(*squares),
                    facecolor=STAND_INS[color],
                    alpha=0.06 + 0.74 * level / _NUM_LEVELS,
                    linewidth=0,
                    gid=f"shade-{level}",
                )
            )


def _square(x: NDArray[np.float64], y: NDArray[np.float64], inset: float) -> Path:
    (left, right), (bottom, top) = x, y
    across, along = inset * (right - left), inset * (top - bottom)
    corners = [
        (left + across, bottom + along),
        (right - across, bottom + along),
        (right - across, top - along),
        (left + across, top - along),
    ]
    return Path([*corners, corners[0]], closed=True)


def _shortened(name: str) -> str:
    """A class's name in one short line."""
    line = " ".join(name.split()) or repr(name)
    if len(line) <= _LONGEST_NAME:
        return line
    return line[: _LONGEST_NAME - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def _confusion_in_words(report: ClassReport) -> str:
    recalls = {one.name: one.recall for one in report.scores if one.recall is not None}
    if not recalls:
        return "no examples"
    best, worst = max(recalls, key=recalls.__getitem__), min(recalls, key=recalls.__getitem__)
    words = (
        f"best recognised: {best}, {percent(recalls[best])} of its examples; worst: {worst}, "
        f"{percent(recalls[worst])}"
    )
    if report.mistakes:
        first = report.mistakes[0]
        words += (
            f"; most frequent mistake: {first.right} taken for {first.answer}, "
            f"{percent(first.share)} of its examples"
        )
    return words
