"""Logs that other tools read, written while a run goes: ``--log tensorboard``, ``--log mlflow``."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tidegate.errors import LogError

if TYPE_CHECKING:
    from tidegate.runs.events import RunEvent
    from tidegate.runs.experiment import Experiment

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
    """Writes the log of one tool."""

    def __call__(self, event: "RunEvent") -> None:
        """Take what the log has of an event.

        After ``TrainingBegins``, entries of later steps than its own are removed.
        """

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
