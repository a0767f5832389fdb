"""The results of a run of benchmarks as JSON: every figure that is printed can be recomputed."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tidegate.bench.statistics import Ratio, Spread
from tidegate.errors import FormatError
from tidegate.storage import json_file, schema
from tidegate.storage.atomic import write_text

FORMAT = "tidegate.bench/1"


@dataclass(frozen=True)
class TaskResult:
    """One peer doing one piece of work."""

    variant: str
    """What was done, for example the cell."""
    peer: str
    unit: str
    """``ms`` or ``MB``."""
    samples: list[float]
    """One a round, in ``unit``; empty where ``error`` says why."""
    spread: Spread | None
    repeats: int
    """Calls in a sample, each sample being their mean."""
    errors: dict[str, float]
    """Distance from the reference, array by array, as a share of its largest magnitude."""
    gflop: float | None = None
    """Operations of the equations in one call, in GFLOP."""
    error: str | None = None
    """Why there is no time."""
    denormal_share: float | None = None
    """The share of denormal numbers in the gradient of the layer's input, where there is one."""


@dataclass(frozen=True)
class RatioResult:
    """A comparison within a case: medians of the same rounds."""

    name: str
    """For example ``gru: PyTorch / tidegate``."""
    ratio: Ratio


@dataclass(frozen=True)
class CaseResult:
    """Tasks that were measured together."""

    name: str
    parameters: dict[str, Any]
    """Shapes and whatever else says what was measured."""
    tasks: list[TaskResult]
    ratios: list[RatioResult]
    stopped_by: str
    """``spread``, ``budget``, ``rounds``, or empty where nothing was timed."""
    others_share: float | None = None
    """The share of the machine's processors that other programs used during the case, 0 to 1."""

    def task(self, variant: str, peer: str) -> TaskResult | None:
        """The task of that name, if it is there."""
        matching = [task for task in self.tasks if (task.variant, task.peer) == (variant, peer)]
        return matching[0] if matching else None


@dataclass
class Results:
    """A whole run."""

    family: str
    """The script or verb that made it, for example ``layer``."""
    conditions: dict[str, Any]
    """Machine, versions, threads and load, from ``conditions``."""
    cases: list[CaseResult] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    """Peers that did not take part, and why."""

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all; its folder is made where it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n")


def load(path: Path) -> Results:
    """Read a results file.

    Raises:
        FormatError: The file is missing, is not JSON, or has another format than this version's.
    """
    try:
        # The distance of a wrong result, or the spread of a single time, is infinite.
        content = json_file.read(path, FORMAT, follow=True, allow_nonfinite=True)
    except FileNotFoundError as error:
        raise FormatError(f"{path}: expected a results file, got {error.strerror}") from error
    results: Results = schema.build(Results, content, f"{path}: ")
    return results
