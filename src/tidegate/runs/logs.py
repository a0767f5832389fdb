"""Logs that other tools read, written while a run goes: ``--log tensorboard``, ``--log mlflow``."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from tidegate.errors import LogError

if TYPE_CHECKING:
    from tidegate.runs.experiment import Experiment
    from tidegate.runs.results import BlendModel, Job, LayerSummary, LinearModel
    from tidegate.runs.run import ComparisonCallback
    from tidegate.training.history import Epoch, Step

NAMES = ("tensorboard", "mlflow")
"""Each also the name of the package that it needs."""


def check(names: Iterable[str]) -> None:
    """Refuse logs whose packages are missing, before anything is computed.

    Raises:
        LogError: The first that is not installed.
    """
    for name in names:
        if find_spec(name) is None:
            raise LogError(
                f"--log {name}: expected the package {name}, got none; pip install {name}"
            )


class Log(Protocol):
    """Writes the log of one tool; receives the events of a :class:`ComparisonCallback`."""

    def job_begins(self, cell: str, seed: int) -> None:
        """The following events belong to this job."""

    def training_begins(self, step: int) -> None:
        """Training begins after ``step``; entries of later steps are removed."""

    def step_ends(self, step: "Step") -> None:
        """Take the figures of a step."""

    def epoch_ends(self, epoch: "Epoch") -> None:
        """Take the figures of an epoch."""

    def job_ends(self, job: "Job", blend: "BlendModel | None") -> None:
        """Take the outcome."""

    def close(self) -> None:
        """Write what is not written yet; a second call does nothing."""


def open_all(names: Iterable[str], experiment: "Experiment", run_folder: Path) -> list[Log]:
    """The logs of these names, for a run in this folder."""
    logs: list[Log] = []
    for name in names:
        if name == "tensorboard":
            from tidegate.runs.tensorboard_log import TensorBoardLog

            logs.append(TensorBoardLog(experiment, run_folder))
        else:
            from tidegate.runs.mlflow_log import MLflowLog

            logs.append(MLflowLog(experiment, run_folder))
    return logs


class Logged:
    """Forwards every event to the logs and then to a callback.

    In the logs, the steps of a job's second network are counted on from those of its first one.

    Args:
        callback: Is told everything.
        logs: Are closed at the end of the ``with`` block.
    """

    def __init__(self, callback: "ComparisonCallback", logs: Iterable[Log]) -> None:
        self.callback, self.logs = callback, [*logs]
        self.num_before, self.last_step = 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:
            for log in self.logs:
                stack.callback(log.close)

    def linear_begins(self, name: str) -> None:
        """See :class:`ComparisonCallback`."""
        self.callback.linear_begins(name)

    def linear_ends(self, linear: "LinearModel") -> None:
        """See :class:`ComparisonCallback`."""
        self.callback.linear_ends(linear)

    def job_begins(self, cell: str, seed: int, path: str, summary: "list[LayerSummary]") -> None:
        """See :class:`JobCallback`."""
        self.num_before, self.last_step = 0, 0
        self._tell(lambda log: log.job_begins(cell, seed))
        self.callback.job_begins(cell, seed, path, summary)

    def student_begins(self, texts: str) -> None:
        """See :class:`JobCallback`."""
        self.num_before = self.last_step
        self.callback.student_begins(texts)

    def training_begins(self, step: int) -> None:
        """See :class:`Callback`."""
        self.last_step = self.num_before + step
        self._tell(lambda log: log.training_begins(self.last_step))
        self.callback.training_begins(step)

    def epoch_begins(self, epoch: int, num_steps: int, done: int) -> None:
        """See :class:`Callback`."""
        self.callback.epoch_begins(epoch, num_steps, done)

    def step_ends(self, step: "Step") -> None:
        """See :class:`Callback`."""
        self.last_step = self.num_before + step.step
        self._tell(lambda log: log.step_ends(replace(step, step=self.last_step)))
        self.callback.step_ends(step)

    def epoch_ends(self, epoch: "Epoch") -> None:
        """See :class:`Callback`."""
        self._tell(lambda log: log.epoch_ends(epoch))
        self.callback.epoch_ends(epoch)

    def notice(self, text: str) -> None:
        """See :class:`Callback`."""
        self.callback.notice(text)

    def job_ends(self, job: "Job", blend: "BlendModel | None") -> None:
        """See :class:`ComparisonCallback`."""
        self._tell(lambda log: log.job_ends(job, blend))
        self.callback.job_ends(job, blend)

    def _tell(self, what: Callable[[Log], Any]) -> None:
        for log in self.logs:
            what(log)
