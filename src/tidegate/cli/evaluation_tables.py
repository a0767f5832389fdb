"""The tables that ``tidegate evaluate`` prints: metrics with intervals, classes, mistakes."""

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from tidegate import terminal
from tidegate.evaluation.classes import largest_mistakes
from tidegate.evaluation.measurement import Measurement
from tidegate.inference.evaluate import Evaluation

PARTS = {"all": "whole model", "network": "network alone", "linear": "linear model alone"}
MOST_IN_MATRIX = 12
"""The most classes of a confusion matrix; with more, the frequent mistakes are listed instead."""
UNDEFINED = "\N{EN DASH}"


def show(evaluation: Evaluation) -> None:
    """Print the metrics of all parts, and the classes and mistakes of the whole model."""
    console = terminal.console()
    terminal.show(_metrics(evaluation), console)
    console.print(
        "In brackets or below: the 95 % interval over the examples (bootstrap); "
        f"{UNDEFINED} where the examples do not tell."
    )
    whole = evaluation.parts["all"]
    if whole.classes is None or whole.confusion is None:
        return
    terminal.show(_classes(whole), console)
    names = evaluation.task.classes
    if not evaluation.task.has_one_class:
        terminal.show(_labels(names, whole.confusion), console)
        return
    matrix = _confusion(names, whole.confusion)
    if len(names) <= MOST_IN_MATRIX and terminal.fits(matrix, console):
        console.print(matrix)
        console.print("Of the whole model; a column holds the examples with this answer.")
    else:
        _show_mistakes(names, whole.confusion, console)


def _metrics(evaluation: Evaluation) -> Table:
    table = _table("Metrics", "")
    for part in evaluation.parts:
        table.add_column(PARTS[part], justify="right", no_wrap=True)
    for metric in evaluation.task.metrics:
        cells = [_with_interval(one, metric.name) for one in evaluation.parts.values()]
        if any(cells):
            table.add_row(metric.text, *cells)
    return table


def _with_interval(measurement: Measurement, name: str) -> str:
    if name not in measurement.metrics:
        return ""
    bounds = measurement.intervals[name]
    ends = UNDEFINED if bounds is None else " to ".join(f"{end:.4f}" for end in bounds)
    return f"{measurement.metrics[name]:.4f}\n{ends}"


def _classes(measurement: Measurement) -> Table:
    table = _table("Classes, whole model", "class")
    for name in ("precision", "recall", "F1", "examples"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in measurement.classes or []:
        scores = (
            UNDEFINED if score is None else f"{score:.4f}"
            for score in (one.precision, one.recall, one.f1)
        )
        table.add_row(one.name, *scores, f"{one.support:,}")
    return table


def _confusion(names: tuple[str, ...], counts: NDArray[np.int64]) -> Table:
    table = _table("Confusion matrix", "right class")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for name, row in zip(names, counts.tolist(), strict=True):
        table.add_row(name, *(f"{count:,}" for count in row))
    return table


def _labels(names: tuple[str, ...], counts: NDArray[np.int64]) -> Table:
    table = _table("Labels that are right or answered, whole model", "label")
    for name in ("both", "missed", "extra", "neither"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, ((neither, extra), (missed, both)) in zip(names, counts.tolist(), strict=True):
        table.add_row(name, *(f"{count:,}" for count in (both, missed, extra, neither)))
    return table


def _show_mistakes(names: tuple[str, ...], counts: NDArray[np.int64], console: Console) -> None:
    table = _table("Most frequent mistakes, whole model", "right class")
    table.add_column("answer", no_wrap=True)
    table.add_column("examples", justify="right", no_wrap=True)
    table.add_column("of the class", justify="right", no_wrap=True)
    for one in largest_mistakes(names, counts):
        table.add_row(one.right, one.answer, f"{one.num_examples:,}", f"{100 * one.share:.1f} %")
    if table.row_count:
        terminal.show(table, console, num_names=2)
    else:
        console.print("No mistakes.")


def _table(title: str, first: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column(first, no_wrap=True)
    return table
