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
        folder: The folder in which ``checkpoints`` and ``history.jsonl`` are made.
        every: Steps between two checkpoints; the end of every epoch has one in any case.
        fingerprint: Everything that the result's bits depend on; see :class:`Checkpoints`.
        allow_inexact: Resume under other versions, threads or instruction sets.
    """

    def __init__(
        self, folder: Path, *, every: int, fingerprint: dict[str, Any], allow_inexact: bool = False
    ) -> None:
        self.folder, self.every = folder, every
        self.fingerprint, self.allow_inexact = fingerprint, allow_inexact

    def open(self, state: State, callback: Callback, stack: ExitStack) -> None:
        """Lock the folder, and restore the newest checkpoint where there is one.

        Args:
            state: A state made by the same recipe and seed; the checkpoint is loaded into it.
            callback: Called with a notice of a resume, and of damaged checkpoints.
            stack: Closes what is opened here.

        Raises:
            RunFolderError: The folder cannot be used, or its checkpoint is that of another run.
            FormatError: All checkpoints are damaged, or one does not fit the state.
        """
        self.checkpoints = stack.enter_context(
            Checkpoints(self.folder / CHECKPOINTS, fingerprint=self.fingerprint)
        )
        checkpoint = self.checkpoints.newest(
            lambda text: callback(Notice(text)), allow_inexact=self.allow_inexact
        )
        if checkpoint is not None:
            try:
                state.unpack(checkpoint.tensors, checkpoint.state)
            except (KeyError, TypeError, ValueError, RuntimeError) as error:
                raise FormatError(
                    f"checkpoint {checkpoint.path}: expected the state of this training, got "
                    f"{' '.join(str(error).split())}; put back a copy, or start again in another "
                    "folder"
                ) from error
            callback(Notice(f"resumed after step {state.progress.step:,}, from {checkpoint.path}"))
        self.log = stack.enter_context(
            HistoryLog(self.folder / LOG, num_bytes=state.progress.log_bytes)
        )

    def is_due(self, step: int) -> bool:
        """Whether a checkpoint is due after this step, counted from 1."""
        return bool(self.every) and step % self.every == 0

    def save(self, state: State) -> None:
        """Write a checkpoint of the state, after the log that belongs to it."""
        state.progress.log_bytes = self.log.sync()
        self.checkpoints.save(state.progress.step, *state.pack())


def discard(folder: Path) -> None:
    """Remove all checkpoints below a folder, once the results are saved; the logs stay.

    Raises:
        RunFolderError: They cannot be removed.
    """
    for checkpoints in sorted(folder.glob(f"**/{CHECKPOINTS}")):
        with as_run_folder_error(f"checkpoints {checkpoints}: expected to remove them"):
            remove_tree(checkpoints)
