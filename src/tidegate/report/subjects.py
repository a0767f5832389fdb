"""The models that the report speaks of: each stands for the seeds that it was trained from."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.report.summary import Cell
from tidegate.runs.results import Results


@dataclass(frozen=True)
class Subject:
    """A model of the run, or a cell's networks of all seeds."""

    name: str
    """For readers."""
    color: str
    """The page's variable of its colour."""
    models: list[str]
    """Their names in ``results.json``, one a seed; at least one."""


def baseline_subjects(results: Results) -> list[Subject]:
    """The forecasts without a network, by the first part of their descriptions."""
    return [
        Subject(one.description.partition(":")[0].partition(" by ")[0], "muted", [one.name])
        for one in results.baselines
    ]


def subjects(cells: Sequence[Cell], results: Results) -> list[Subject]:
    """All trained models: every cell's networks, these with the linear model, and that alone.

    Args:
        cells: Those with finished jobs.
        results: The run's results.
    """
    together = [
        *(
            Subject(name, f"cell-{cell.slug}", names)
            for cell in cells
            for name, names in [
                (cell.name, [job.name for job in cell.jobs]),
                (f"{cell.name} with the linear model", [blend.name for blend in cell.blends]),
            ]
            if names
        )
    ]
    if results.linear is not None:
        together.append(Subject("linear model", "linear", [results.linear.name]))
    return together
