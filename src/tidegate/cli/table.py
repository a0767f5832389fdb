"""The outcome of a run on stdout: a table, or a block per model where the terminal is narrow."""

from collections.abc import Callable, Sequence
from statistics import fmean

from rich import box
from rich.table import Table

from tidegate import terminal
from tidegate.report import metrics, outcome, prose
from tidegate.report.summary import Cell, summarize
from tidegate.runs.results import Results
from tidegate.task import Metric


def show(results: Results) -> None:
    """Print the outcome: the networks, the linear model and both, all metrics, who is better."""
    console = terminal.console()
    cells = summarize(results)
    for table in (_table(results, cells), _metrics(results, cells)):
        terminal.show(table, console)
    console.print(f"{outcome.headline(cells, results)}.")
    for paragraph in outcome.findings(cells, results):
        console.print(paragraph)
    note = prose.reference_note(results)
    if note:
        console.print(note)


def _table(results: Results, cells: Sequence[Cell]) -> Table:
    num_seeds = len(results.configuration["seeds"])
    published = results.configuration["reference"]
    main = results.task.main_metric
    heading = _heading(main)
    table = Table(
        title="Test results" + (f", mean of {num_seeds} seeds (range)" * (num_seeds > 1)),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("model", no_wrap=True)
    columns = _columns(results)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    if published:
        table.add_column(f"{published['name']}\n{main.text}", justify="right", no_wrap=True)
    for cell in cells:
        row = [value(cell) for value in columns.values()]
        if published:
            row.append(f"{cell.reference[f'test_{main.name}']:.4f}" if cell.reference else "")
        table.add_row(cell.name, *row)
    linear = results.linear
    if linear is not None:
        figures = {
            "parameters": f"{linear.num_parameters:,}",
            heading: f"{linear.metrics[main.name]:.4f}",
            "test\nloss": f"{linear.metrics['loss']:.4f}",
            "whole\ns": f"{linear.wall_s:.0f}",
        }
        table.add_row("linear model", *(figures.get(name, "") for name in columns))
    for baseline in results.baselines:
        figures = {
            heading: f"{baseline.metrics[main.name]:.4f}",
            "test\nloss": f"{baseline.metrics['loss']:.4f}",
            "whole\ns": f"{baseline.wall_s:.0f}",
        }
        name = baseline.description.partition(":")[0].partition(" by ")[0]
        table.add_row(name, *(figures.get(one, "") for one in columns))
    return table


def _metrics(results: Results, cells: Sequence[Cell]) -> Table:
    """Every metric of every model, the constant answer included."""
    table = Table(title="All metrics", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("model", no_wrap=True)
    for metric in metrics.columns(results):
        table.add_column(metric.text.replace(" ", "\n", 1), justify="right", no_wrap=True)
    for row in metrics.rows([cell for cell in cells if cell.jobs], results):
        values = ("" if value is None else f"{value:.4f}" for value in row.values)
        table.add_row(row.name, *values)
    return table


def _heading(metric: Metric) -> str:
    """The heading of the main metric's column, in two lines."""
    return f"test {metric.text}".replace(" ", "\n", 1 if metric.is_share else 2)


def _columns(results: Results) -> dict[str, Callable[[Cell], str]]:
    """By heading, the function that computes a column's entry for a cell with finished jobs."""

    def ranged(values: Sequence[float]) -> str:
        span = f"\n{min(values):.4f}\N{EN DASH}\n{max(values):.4f}" if len(values) > 1 else ""
        return f"{fmean(values):.4f}{span}"

    main = results.task.main_metric
    unit = "tokens" if results.data.get("kind", "text") == "text" else "steps"
    columns: dict[str, Callable[[Cell], str]] = {
        "parameters": lambda cell: f"{cell.jobs[0].num_parameters:,}",
        _heading(main): lambda cell: ranged([job.metrics[main.name] for job in cell.jobs]),
        "test\nloss": lambda cell: f"{cell.test_loss.mean:.4f}",
    }
    if results.linear is not None:
        columns["with\nlinear"] = lambda cell: ranged(
            [blend.metrics[main.name] for blend in cell.blends]
        )
    return columns | {
        "train\ns": lambda cell: f"{cell.training_s.mean:.0f}",
        "whole\ns": lambda cell: f"{cell.wall_s.mean:.0f}",
        f"{unit}\nper s": lambda cell: f"{cell.tokens_per_s.mean:,.0f}",
    }
