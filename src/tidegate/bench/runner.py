"""Checks the results of a case's tasks, then times them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidegate.bench import agreement
from tidegate.bench.agreement import Arrays
from tidegate.bench.measure import Measurement, Settings, Timed, measure
from tidegate.bench.results import CaseResult, RatioResult, TaskResult
from tidegate.bench.statistics import Spread, denormal_share, paired_ratio

Name = tuple[str, str]
"""Variant and peer."""


@dataclass(frozen=True)
class Task:
    """One peer doing one piece of work."""

    variant: str
    peer: str
    run: Timed
    outputs: Callable[[], Arrays]
    """Does the work once, untimed, and returns what came out."""
    expected: Callable[[], Arrays]
    """The reference's outputs. Peers of one variant share the function, and so its cost."""
    gflop: float | None = None
    omits: tuple[str, ...] = ()
    """Outputs of the reference that this peer does not give."""

    @property
    def name(self) -> Name:
        """Variant and peer."""
        return self.variant, self.peer


@dataclass(frozen=True)
class Case:
    """Tasks to be measured together. They are built only when their turn has come."""

    name: str
    parameters: dict[str, Any]
    build: Callable[[], Sequence[Task]]
    ratios: Sequence[tuple[Name, Name]] = field(default=())
    """Which to divide by which."""


def run_case(
    case: Case, settings: Settings, after_round: Callable[[int], None] = lambda rounds: None
) -> CaseResult:
    """Check every task against its reference, then time those that agree."""
    tasks = case.build()
    errors: dict[Name, dict[str, float]] = {}
    denormals: dict[Name, float | None] = {}
    complaints: dict[Name, str | None] = {}
    expected: dict[Callable[[], Arrays], Arrays] = {}
    for task in tasks:
        if task.expected not in expected:
            expected = {task.expected: task.expected()}
        errors[task.name], complaints[task.name], denormals[task.name] = _check(
            task, expected[task.expected]
        )
    expected.clear()
    right = {task.name: task.run for task in tasks if complaints[task.name] is None}
    timing: Measurement[Name] = (
        measure(right, settings, after_round=after_round) if right else Measurement({}, {}, "")
    )
    results = []
    for task in tasks:
        samples = timing.samples_s.get(task.name, np.empty(0)) * 1e3
        results.append(
            TaskResult(
                variant=task.variant,
                peer=task.peer,
                unit="ms",
                samples=samples.tolist(),
                spread=Spread.of(samples) if len(samples) else None,
                repeats=timing.repeats.get(task.name, 0),
                errors={
                    name: error for name, error in errors[task.name].items() if np.isfinite(error)
                },
                gflop=task.gflop,
                error=complaints[task.name],
                denormal_share=denormals[task.name],
            )
        )
    ratios = [
        RatioResult(
            ratio_name(above, below),
            paired_ratio(timing.samples_s[above], timing.samples_s[below], settings.seed),
        )
        for above, below in case.ratios
        if above in timing.samples_s and below in timing.samples_s
    ]
    return CaseResult(case.name, case.parameters, results, ratios, timing.stopped_by)


def ratio_name(above: Name, below: Name) -> str:
    """``gru: PyTorch / tidegate``, or ``tidegate: gru / lstm``."""
    if above[0] == below[0]:
        return f"{above[0]}: {above[1]} / {below[1]}"
    if above[1] == below[1]:
        return f"{above[1]}: {above[0]} / {below[0]}"
    return f"{above[1]} {above[0]} / {below[1]} {below[0]}"


def _check(task: Task, expected: Arrays) -> tuple[dict[str, float], str | None, float | None]:
    """Errors, why times are not to be believed, and the share of denormals in the gradient."""
    try:
        outputs = task.outputs()
    except Exception as error:  # a peer that breaks is a result of its own, not the end of the run
        return {}, f"{type(error).__name__}: {error}", None
    asked = {name: array for name, array in expected.items() if name not in task.omits}
    errors = agreement.errors(outputs, asked)
    gradient = outputs.get(agreement.INPUT_GRADIENT)
    share = None if gradient is None else denormal_share(gradient)
    return errors, agreement.complaint(errors), share
