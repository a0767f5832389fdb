"""The outcome of a run on stdout: a table, or a block per model where the terminal is narrow."""

from collections.abc import Callable, Sequence
from statistics import fmean

from rich import box
from rich.table import Table

from tidegate import terminal
from tidegate.cells import CELLS
from tidegate.report import outcome, prose
from tidegate.report.summary import summarize
from tidegate.runs.results import Job, Results


def show(results: Results) -> None:
    """Print the outcome: the networks, the linear model and both, and which is better."""
    console = terminal.console()
    terminal.show(_table(results), console)
    cells = summarize(results)
    console.print(f"{outcome.headline(cells, results)}.")
    for paragraph in outcome.findings(cells, results):
        console.print(paragraph)
    note = prose.reference_note(results)
    if note:
        console.print(note)


def _table(results: Results) -> Table:
    num_seeds = len(results.configuration["seeds"])
    published = results.configuration["reference"]
    reference = {line["cell"]: line for line in published["figures"]} if published else {}
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
        table.add_column(f"{published['name']}\naccuracy", justify="right", no_wrap=True)
    for cell in results.configuration["cells"]:
        jobs = [job for job in results.jobs if job.cell == cell]
        row = [value(jobs) for value in columns.values()]
        if published:
            row.append(f"{reference[cell]['test_accuracy']:.4f}" if cell in reference else "")
        table.add_row(CELLS[cell], *row)
    linear = results.linear
    if linear is not None:
        figures = {
            "parameters": f"{linear.num_parameters:,}",
            "test\naccuracy": f"{linear.test.accuracy:.4f}",
            "test\nloss": f"{linear.test.loss:.4f}",
            "whole\ns": f"{linear.wall_s:.0f}",
        }
        table.add_row("linear model", *(figures.get(name, "") for name in columns))
    return table


def _columns(results: Results) -> dict[str, Callable[[Sequence[Job]], str]]:
    """How each column's figure comes from the jobs of a cell."""

    def ranged(values: Sequence[float]) -> str:
        span = f"\n{min(values):.4f}\N{EN DASH}\n{max(values):.4f}" if len(values) > 1 else ""
        return f"{fmean(values):.4f}{span}"

    columns: dict[str, Callable[[Sequence[Job]], str]] = {
        "parameters": lambda jobs: f"{jobs[0].num_parameters:,}",
        "test\naccuracy": lambda jobs: ranged([job.test.accuracy for job in jobs]),
        "test\nloss": lambda jobs: f"{fmean(job.test.loss for job in jobs):.4f}",
    }
    if results.linear is not None:
        columns["with\nlinear"] = lambda jobs: ranged(
            [job.combined.accuracy for job in jobs if job.combined is not None]
        )
    return columns | {
        "train\ns": lambda jobs: f"{fmean(job.training_s for job in jobs):.0f}",
        "whole\ns": lambda jobs: f"{fmean(job.wall_s for job in jobs):.0f}",
        "tokens\nper s": lambda jobs: (
            f"{fmean(job.num_tokens / job.training_s for job in jobs):,.0f}"
        ),
    }
