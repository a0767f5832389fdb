"""A run of benchmarks: threads, peers, progress, cases one after the other, conditions kept."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tidegate.bench import conditions
from tidegate.bench.measure import Settings
from tidegate.bench.remote import BACKENDS, Workers
from tidegate.bench.results import CaseResult, Results
from tidegate.bench.runner import Case, run_case
from tidegate.machine import available_cpus
from tidegate.terminal import NO_TERMINAL_WIDTH

SAVE_EVERY_S = 10.0
"""The fewest seconds between two writings of the results, which would slow the next case down."""


@dataclass(frozen=True)
class Options:
    """What every script and the verb let the user choose."""

    cells: Sequence[str]
    threads: int = field(default_factory=available_cpus)
    settings: Settings = field(default_factory=Settings)
    peers: Sequence[str] = tuple(BACKENDS)
    """The optional ones that are looked for."""
    peer_python: str | None = None
    """Interpreter of an environment that has them; this one when left out."""
    out: Path | None = None
    budget_s: float | None = None
    """For all cases together: those that follow take as few rounds as they may."""


Family = Callable[[Workers], Iterable[Case | CaseResult]]
"""Gives the cases of a run, or results of those that measure themselves."""


def run(family: str, cases: Family, options: Options) -> Results:
    """Measure and return everything; write it now and then, and at the end, where a path is given.

    Messages and progress go to stderr.
    """
    console = Console(
        stderr=True, highlight=False, width=None if sys.stderr.isatty() else NO_TERMINAL_WIDTH
    )
    conditions.set_threads(options.threads)
    results = Results(family, conditions.describe(options.threads))
    peak = conditions.fma_peak()
    results.conditions["fma_peak_gflop_per_s"] = peak
    _warn_of_load(console, results)
    begin, neighbours = time.monotonic(), conditions.Neighbours()
    saved_s = begin
    with Workers(options.peers, options.threads, options.peer_python) as workers:
        results.absent = workers.absent
        results.conditions["versions"] |= workers.versions()
        with _progress(console) as progress:
            task = progress.add_task("", total=None)
            for number, case in enumerate(cases(workers), 1):
                if isinstance(case, Case):
                    label, nearby = f"{number}  {case.name}", conditions.Neighbours()
                    progress.update(task, description=f"{label}: checking")
                    settings = _within_budget(options, time.monotonic() - begin)
                    case_result = run_case(
                        case,
                        settings,
                        lambda rounds, label=label: progress.update(  # type: ignore[misc]
                            task, description=f"{label}: round {rounds}"
                        ),
                    )
                    case_result = replace(case_result, others_share=nearby.share())
                    workers.drop()
                else:
                    case_result = case
                results.cases.append(case_result)
                if not console.is_terminal:
                    took_s = time.monotonic() - begin
                    console.print(f"{took_s:6.0f} s  {case_result.name}", markup=False)
                if options.out is not None and time.monotonic() > saved_s + SAVE_EVERY_S:
                    results.save(options.out)
                    saved_s = time.monotonic()
    results.conditions["fma_peak_gflop_per_s"] = max(peak, conditions.fma_peak())
    share = neighbours.share()
    results.conditions["others_share_of_cpus"] = share
    results.conditions["took_s"] = round(time.monotonic() - begin, 1)
    if share is not None and share > conditions.BUSY:
        console.print(
            f"[bold]The machine was busy[/]: others used {share:.0%} of its processors. Times are "
            "not to be trusted, and PyTorch's threads suffer from it most; run it again when quiet."
        )
    if options.out is not None:
        results.save(options.out)
        console.print(f"Results: {options.out}", markup=False)
    return results


def _within_budget(options: Options, spent_s: float) -> Settings:
    if options.budget_s is None or spent_s < options.budget_s:
        return options.settings
    return replace(options.settings, budget_s=0.0)


def _warn_of_load(console: Console, results: Results) -> None:
    load, cpus = results.conditions["load_average"], results.conditions["num_cpus"]
    if load is not None and load > 0.5 * cpus:
        console.print(
            f"[bold]The machine looks busy[/]: load average {load:.1f} on {cpus} processors"
        )


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        # Drawing takes processor time from what is measured.
        refresh_per_second=2,
    )
