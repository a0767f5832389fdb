"""Compares two results files: what became faster or slower, and by how much."""

from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.text import Text

from tidegate import terminal
from tidegate.bench import tables
from tidegate.bench.results import Results
from tidegate.bench.statistics import Ratio, unpaired_ratio


@dataclass(frozen=True)
class Difference:
    """One task in both files."""

    case: str
    variant: str
    peer: str
    unit: str
    a: float
    """Median in the first file."""
    b: float
    ratio: Ratio
    """First over second: above 1 the second is faster (or smaller)."""

    def verdict(self) -> str:
        """``better``, ``worse``, or nothing where the interval holds 1."""
        return "better" if self.ratio.low > 1 else "worse" if self.ratio.high < 1 else ""


def differences(a: Results, b: Results) -> list[Difference]:
    """All tasks that both files timed, in the order of the second."""
    before = {
        (case.name, task.variant, task.peer): task
        for case in a.cases
        for task in case.tasks
        if task.spread
    }
    differences = []
    for case in b.cases:
        for task in case.tasks:
            other = before.get((case.name, task.variant, task.peer))
            if other is None or other.spread is None or task.spread is None:
                continue
            ratio = unpaired_ratio(np.array(other.samples), np.array(task.samples))
            differences.append(
                Difference(
                    case.name,
                    task.variant,
                    task.peer,
                    task.unit,
                    other.spread.median,
                    task.spread.median,
                    ratio,
                )
            )
    return differences


def changed_conditions(a: Results, b: Results) -> list[str]:
    """Conditions in which the two runs differ and which change times."""
    names = ("cpu", "isa", "threads", "num_cpus", "versions", "environment", "commit")
    return [
        f"{name}: {a.conditions.get(name)} then, {b.conditions.get(name)} now"
        for name in names
        if a.conditions.get(name) != b.conditions.get(name)
    ]


def show(a: Results, b: Results, out: Console) -> None:
    """Print what changed; PyTorch's own rows tell what the machine did in between."""
    for line in changed_conditions(a, b):
        out.print(Text(line))
    table = tables.plain("", "case", "", "", "A", "B", "A / B", "", left=3)
    for d in differences(a, b):
        table.add_row(
            d.case,
            d.variant,
            d.peer,
            f"{tables.significant(d.a)} {d.unit}",
            f"{tables.significant(d.b)} {d.unit}",
            tables.format_ratio(d.ratio),
            d.verdict(),
        )
    terminal.show(table, out, num_names=3)
