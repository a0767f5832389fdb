"""The events of a run: plain values, given to one function as they happen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.runs.results import BlendModel, Job, LayerSummary, LinearModel
from tidegate.runs.run_config import RunConfig
from tidegate.task import Task
from tidegate.training.events import Event


@dataclass(frozen=True)
class TextsAreRead:
    """A file of the user's is being read; comes every few thousand rows, before the run begins."""

    path: Path
    done: float
    """The share of the file that was read; 0 at its beginning, or where it is not known."""


@dataclass(frozen=True)
class RunBegins:
    """A run begins, or goes on: what it was told to do is found to be possible."""

    config: RunConfig
    folder: Path


@dataclass(frozen=True)
class DataPrepared:
    """The texts are read and numbered."""

    task: Task
    facts: Mapping[str, Any]
    """See :class:`~tidegate.data.prepared.PreparedData`."""
    num_given: int
    """Training texts that the data set has."""
    preparation_s: float


@dataclass(frozen=True)
class PretrainingBegins:
    """The training of a language model begins; until its end, all steps and epochs are its own."""

    cell: str
    seed: int
    texts: str
    """A description of the texts that it reads."""


@dataclass(frozen=True)
class PretrainingEnds:
    """A language model is saved, now or before."""

    folder: Path


@dataclass(frozen=True)
class LinearBegins:
    """The linear model's training begins."""

    name: str


@dataclass(frozen=True)
class LinearEnds:
    """The linear model is trained and tested."""

    linear: LinearModel


@dataclass(frozen=True)
class JobBegins:
    """A network is made, and its training begins."""

    cell: str
    seed: int
    path: str
    """The implementation that computes its recurrence."""
    summary: list[LayerSummary]


@dataclass(frozen=True)
class StudentBegins:
    """The job's second network begins to learn; its steps and epochs are counted from 1 again."""

    texts: str
    """A description of the texts that it learns from."""


@dataclass(frozen=True)
class MemberBegins:
    """The training of an ensemble's next network begins; its steps and epochs are counted from 1
    again."""

    member: int
    """Counted from 1."""
    num_members: int


@dataclass(frozen=True)
class JobEnds:
    """A network is trained, tested and saved."""

    job: Job
    blend: BlendModel | None
    """The network and the linear model together, where there is one."""


@dataclass(frozen=True)
class RunStops:
    """A run stops before its end; the last event."""

    error: BaseException
    can_go_on: bool
    """Whether the same values may still come to an end."""


RunEvent = (
    Event
    | TextsAreRead
    | RunBegins
    | DataPrepared
    | PretrainingBegins
    | PretrainingEnds
    | LinearBegins
    | LinearEnds
    | JobBegins
    | StudentBegins
    | MemberBegins
    | JobEnds
    | RunStops
)

RunCallback = Callable[[RunEvent], object]
"""Is called with every event; what it returns is not looked at."""
