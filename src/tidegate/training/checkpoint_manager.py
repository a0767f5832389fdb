"""Saves and restores a training: its checkpoints and its step log."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tidegate.errors import FormatError
from tidegate.storage.atomic import remove_tree
from tidegate.storage.checkpoint import Checkpoints
from tidegate.storage.log import HistoryLog
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.training.events import Callback, Notice
from tidegate.training.state import State

CHECKPOINTS, LOG = "checkpoints", "history.jsonl"


class CheckpointManager:
    """Checkpoints and log of one training, in a folder of its own.

    Args:
        folder: ``checkpoints`` and ``history.jsonl`` are made in it.
        every: Steps between two checkpoints; one is made at the end of every epoch in any case.
        fingerprint: What the training's bits depend on; see :class:`Checkpoints`.
        allow_inexact: Resume under other versions, threads or instruction sets.
    """

    def __init__(
        self, folder: Path, *, every: int, fingerprint: dict[str, Any], allow_inexact: bool = False
    ) -> None:
        self.folder, self.every = folder, every
        self.fingerprint, self.allow_inexact = fingerprint, allow_inexact

    def open(self, state: State, callback: Callback, stack: ExitStack) -> None:
        """Take the folder, and the state of its newest checkpoint where there is one.

        Args:
            state: Made by the same recipe and seed; becomes what the checkpoint holds.
            callback: Is told of a resume, and of checkpoints that are damaged.
            stack: Closes what is opened here.
        """
        self.checkpoints = stack.enter_context(
            Checkpoints(self.folder / CHECKPOINTS, fingerprint=self.fingerprint)
        )
        found = self.checkpoints.newest(
            lambda text: callback(Notice(text)), allow_inexact=self.allow_inexact
        )
        if found is not None:
            try:
                state.unpack(found.tensors, found.state)
            except (KeyError, TypeError, ValueError, RuntimeError) as error:
                raise FormatError(
                    f"checkpoint {found.path}: expected the state of this training, got "
                    f"{' '.join(str(error).split())}; put back a copy, or start again in another "
                    "folder"
                ) from error
            callback(Notice(f"resumed after step {state.progress.step:,}, from {found.path}"))
        self.log = stack.enter_context(
            HistoryLog(self.folder / LOG, num_bytes=state.progress.log_bytes)
        )

    def is_due(self, step: int) -> bool:
        """Whether a checkpoint belongs after this step, counted from 1."""
        return bool(self.every) and step % self.every == 0

    def save(self, state: State) -> None:
        """Write a checkpoint of the current state."""
        state.progress.log_bytes = self.log.sync()
        self.checkpoints.save(state.progress.step, *state.pack())


def discard(folder: Path) -> None:
    """Remove the checkpoints of trainings whose result is saved; their logs stay.

    Raises:
        RunFolderError: The system refused.
    """
    for checkpoints in sorted(folder.glob(f"**/{CHECKPOINTS}")):
        with as_run_folder_error(f"checkpoints {checkpoints}: expected to remove them"):
            remove_tree(checkpoints)
