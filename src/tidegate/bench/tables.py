"""Results for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from tidegate import terminal
from tidegate.bench.conditions import BUSY
from tidegate.bench.remote import FLUSHED
from tidegate.bench.results import CaseResult, Results, TaskResult
from tidegate.bench.runner import ratio_name
from tidegate.bench.statistics import Ratio

OWN = "tidegate"
"""The beginning of the names of tidegate's own peers."""
DENORMALS_SHOWN = 0.01
"""Share of a gradient's numbers from which it is printed; gradients over 200 steps have 0.1."""


def show(results: Results) -> None:
    """Conditions and one table a case."""
    out = terminal.console()
    out.print(_conditions(results))
    for case in results.cases:
        out.print()
        table = case_table(case, results.conditions.get("fma_peak_gflop_per_s"))
        terminal.show(table, out, num_names=2)
        for line in _footnotes(case):
            out.print(Text(line))


def show_grid(results: Results, slower: Sequence[tuple[str, float, float, float]]) -> None:
    """Conditions, one line a case, and the cases that were slower."""
    out = terminal.console()
    out.print(_conditions(results))
    table = plain("", "case", "tidegate", "PyTorch", "PyTorch / tidegate", left=1)
    for case in results.cases:
        times = {task.peer: _time(task) for task in case.tasks}
        ratio = format_ratio(case.ratios[0].ratio) if case.ratios else ""
        table.add_row(case.name, times["tidegate"], times["PyTorch"], ratio)
    terminal.show(table, out)
    timed = [case for case in results.cases if case.ratios]
    out.print(f"{len(slower)} of {len(timed)} cases slower than PyTorch by more than 5 %")
    for name, value, low, high in slower:
        doubt = "" if high < 1 else ", perhaps: the interval reaches 1"
        out.print(Text(f"  {name}: {format_ratio(Ratio(value, low, high))}{doubt}"))
    for case in results.cases:
        for task in case.tasks:
            if task.error:
                out.print(Text(f"  {case.name}: {task.peer}: {task.error}"))


def case_table(case: CaseResult, peak: float | None) -> Table:
    """A line for each task.

    Args:
        case: Its ratios over tidegate stand in the task's line.
        peak: GFLOP/s of the machine's multiply-adds, for the share of it.
    """
    unit, scale = _unit(case)
    shape = " ".join(
        f"{name} {case.parameters[name]}" for name in "NTIH" if name in case.parameters
    )
    has_work = any(task.gflop for task in case.tasks)
    columns = [
        "",
        "",
        "median",
        "MAD",
        "quartiles",
        "least",
        *(["GFLOP/s", "peak"] if has_work else []),
    ]
    table = plain(f"{case.name} ({shape}), {unit}", *columns, "over tidegate", left=2)
    ratios = {ratio.name: ratio.ratio for ratio in case.ratios}
    previous = ""
    for task in case.tasks:
        if task.variant != previous and previous:
            table.add_section()
        label, previous = (task.variant if task.variant != previous else ""), task.variant
        if task.spread is None:
            table.add_row(label, task.peer, "no time")
            continue
        spread = task.spread
        median, mad, q1, q3, least = (
            significant(value * scale)
            for value in (spread.median, spread.mad, spread.q1, spread.q3, spread.minimum)
        )
        figures = [median, mad, f"{q1} to {q3}", least]
        if has_work:
            figures += _rates(task, peak)
        shown_ratios = [
            format_ratio(ratio)
            for name, ratio in ratios.items()
            if name.startswith(f"{task.variant}: {task.peer} / {OWN}") and not _is_own(task.peer)
        ]
        table.add_row(label, task.peer, *figures, shown_ratios[0] if shown_ratios else "")
    return table


def format_ratio(ratio: Ratio) -> str:
    """``4.21 (4.15 to 4.30)``."""
    return f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _footnotes(case: CaseResult) -> list[str]:
    """Comparisons that have no line of their own, and what has no time."""
    in_rows = {f"{t.variant}: {t.peer}" for t in case.tasks if not _is_own(t.peer)}
    lines = [
        f"{ratio.name}  {format_ratio(ratio.ratio)}"
        for ratio in case.ratios
        if ratio.name.partition(" / ")[0] not in in_rows
    ]
    lines += _denormals(case)
    if case.others_share is not None and case.others_share > BUSY:
        lines.append(f"others used {case.others_share:.0%} of the processors meanwhile")
    lines += [f"{t.variant}, {t.peer}: no time: {t.error}" for t in case.tasks if t.error]
    if "tokens" in case.parameters:
        lines.append(
            f"tokens: {case.parameters['tokens']}; {case.parameters['mean real tokens']:,} of a "
            f"batch are real, {case.parameters['mean distinct ids']:,} distinct"
        )
    if "lengths from" in case.parameters:
        lengths = case.parameters["lengths"]
        lines.append(
            f"lengths: {case.parameters['lengths from']}; mean {case.parameters['mean length']}, "
            f"{sum(lengths) / len(lengths) / max(lengths):.3f} of the padded positions"
        )
    return lines


def _denormals(case: CaseResult) -> list[str]:
    """Lines on the peers that compute with denormal numbers, and on what flushing them saves."""
    ratios = {ratio.name: ratio.ratio for ratio in case.ratios}
    lines = []
    for task in case.tasks:
        if task.denormal_share is None or task.denormal_share < DENORMALS_SHOWN:
            continue
        line = (
            f"{task.variant}, {task.peer}: {task.denormal_share:.0%} of the numbers in the "
            "gradient of the layer's input are denormal"
        )
        ratio = ratios.get(ratio_name((task.variant, task.peer), (task.variant, FLUSHED)))
        if ratio is not None:
            line += f"; its time over that with denormals flushed {format_ratio(ratio)}"
        lines.append(line)
    return lines


def _is_own(peer: str) -> bool:
    return peer.startswith(OWN)


def _conditions(results: Results) -> Table:
    conditions = results.conditions
    peak = conditions.get("fma_peak_gflop_per_s")
    share = conditions.get("others_share_of_cpus")
    lines = {
        "processor": "{cpu}, {num_cpus} processors, {isa}".format_map(conditions),
        "threads": str(conditions["threads"]),
        "versions": _listed({"tidegate": conditions["tidegate"], **conditions["versions"]}),
        "commit": conditions["commit"],
        "peak": f"{peak:.0f} GFLOP/s of multiply-adds, measured in this run" if peak else None,
        "others": f"{share:.0%} of the processors" if share is not None else None,
        "environment": _listed(conditions["environment"]),
        "absent": "; ".join(f"{peer} ({why})" for peer, why in results.absent.items()),
    }
    grid = Table.grid(padding=(0, 2))
    for name, text in lines.items():
        if text:
            grid.add_row(Text(name, style="bold"), Text(text))
    return grid


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _rates(task: TaskResult, peak: float | None) -> list[str]:
    if not task.gflop or task.spread is None:
        return ["", ""]
    rate = task.gflop / task.spread.median * 1e3
    return [significant(rate), f"{rate / peak:.0%}" if peak else ""]


def _unit(case: CaseResult) -> tuple[str, float]:
    """What a case's times are printed in, and how many of it are one of the file's unit."""
    medians = [task.spread.median for task in case.tasks if task.spread]
    unit = case.tasks[0].unit if case.tasks else "ms"
    return ("us", 1e3) if unit == "ms" and min(medians, default=1) < 0.1 else (unit, 1.0)


def _time(task: TaskResult) -> str:
    return f"{significant(task.spread.median)} {task.unit}" if task.spread else "no time"


def significant(value: float) -> str:
    """A number with about three digits, without an exponent."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.{1 if value >= 10 else 2 if value >= 1 else 3 if value >= 0.1 else 4}f}"


def plain(title: str, *columns: str, left: int) -> Table:
    table = Table(title=title or None, box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left else "right", no_wrap=True)
    return table
