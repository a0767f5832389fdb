"""The checkpoints of a run: published whole, the last few kept, the newest whole one found again.

A checkpoint is written to a hidden folder beside its place, every file synced and the manifest
last; then the folder is synced, renamed and the new name synced; only then older ones go. Whenever
the process is killed, the disk fails or the power goes, the newest whole checkpoint is the one
before or the new one, and never a mixture.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from tidegate.errors import FormatError, RunFolderError
from tidegate.storage import checkpoint_folder, files
from tidegate.storage.atomic import aside, make_folders, remove_tree
from tidegate.storage.checkpoint_folder import Checkpoint, name_of, step_of
from tidegate.storage.fingerprint import differences, is_exactness
from tidegate.storage.lock import FolderLock
from tidegate.storage.os_errors import as_run_folder_error


class Checkpoints:
    """The checkpoints in ``folder``, which this process holds alone until :meth:`close`.

    Args:
        folder: Made if it is missing; nothing but checkpoints and the lock belongs in it.
        fingerprint: What the run's bits depend on, in sections; see
            :mod:`tidegate.storage.fingerprint`.
        keep: How many of the newest checkpoints stay; two survive a damaged one.

    Raises:
        RunFolderError: Another process holds the folder, or it cannot be written.
        ValueError: ``keep`` is below 1, or JSON cannot hold the fingerprint.
    """

    def __init__(self, folder: Path, *, fingerprint: Mapping[str, Any], keep: int = 2) -> None:
        if keep < 1:
            raise ValueError(f"checkpoints: expected keep of at least 1, got {keep}")
        checkpoint_folder.as_json(fingerprint, "fingerprint")
        self._folder, self._fingerprint, self._keep = folder, dict(fingerprint), keep
        self._passed_over: set[Path] = set()
        with as_run_folder_error(f"checkpoints {folder}: expected a folder that can be written"):
            make_folders(folder)
            self._lock = FolderLock(folder)
            try:
                self._remove_leftovers()
                # None: there are checkpoints, and newest() has not yet said where the run stands.
                self._last_step = None if self._published() else -1
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let the folder go."""
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def save(
        self, step: int, tensors: Mapping[str, NDArray[Any]], state: Mapping[str, Any]
    ) -> Path:
        """Publish a checkpoint; when this returns it is on the disk, and older ones are gone.

        Args:
            step: How many steps the run has made; more than at the last checkpoint.
            tensors: Arrays of any shape and of any dtype that safetensors and NumPy share.
            state: The rest, as JSON gives it back: no tuples, only finite numbers.

        Raises:
            RunFolderError: The disk is full, the folder cannot be written, the disk fails; or the
                folder holds checkpoints that :meth:`newest` was never asked for. The checkpoints
                before are as they were.
            ValueError: ``step`` does not go on from the last, or something would not come back.
        """
        self._check_step(step)
        contents = checkpoint_folder.encode(step, tensors, state, self._fingerprint)
        path = self._folder / name_of(step)
        what = f"checkpoint of step {step} in {self._folder}"
        with as_run_folder_error(f"{what}: expected to write it", "those before it are untouched"):
            if path in self._passed_over:
                _hide(path)
                self._passed_over.remove(path)
            checkpoint_folder.write(path, contents)
        self._last_step = step
        with as_run_folder_error(f"{what}: it is saved; expected to remove older ones"):
            self._prune()
        return path

    def newest(
        self, notify: Callable[[str], object], *, allow_inexact: bool = False
    ) -> Checkpoint | None:
        """The newest checkpoint that is whole; None if there are none at all.

        Args:
            notify: Is told of every newer one that is damaged, how, and which is used instead; and
                of what ``allow_inexact`` let pass.
            allow_inexact: Accept other versions, another instruction set or number of threads (the
                section ``exactness``): the run goes on, but not to the same bits.

        Raises:
            FormatError: There are checkpoints, and all of them are damaged.
            RunFolderError: It is the checkpoint of another run; the message has the differences.
        """
        damaged: dict[Path, str] = {}
        for path in reversed(self._published()):
            try:
                checkpoint = checkpoint_folder.read(path)
            except FormatError as error:
                damaged[path] = str(error)
                continue
            for bad, how in damaged.items():
                notify(
                    f"checkpoint {bad} is damaged and passed over: {how}; that of step "
                    f"{checkpoint.step} is used instead"
                )
            self._check_fingerprint(checkpoint, notify, allow_inexact)
            self._passed_over, self._last_step = set(damaged), checkpoint.step
            return checkpoint
        if damaged:
            reasons = "; ".join(f"{path.name} ({how})" for path, how in damaged.items())
            raise FormatError(
                f"checkpoints {self._folder}: expected one that is whole, got only damaged ones: "
                f"{reasons}; put back a copy, or start again in another folder"
            )
        return None

    def _check_step(self, step: int) -> None:
        if self._last_step is None:
            raise RunFolderError(
                f"checkpoints {self._folder}: expected a run that goes on from the checkpoints in "
                "it, got a new one; resume that run, or choose another folder"
            )
        if step <= self._last_step:
            raise ValueError(
                f"checkpoints {self._folder}: expected a step after {max(self._last_step, 0)}, "
                f"that of the last checkpoint, got {step}"
            )

    def _check_fingerprint(
        self, checkpoint: Checkpoint, notify: Callable[[str], object], allow_inexact: bool
    ) -> None:
        by_key = differences(checkpoint.fingerprint, self._fingerprint)
        refused = [text for key, text in by_key.items() if not is_exactness(key)]
        inexact = [text for key, text in by_key.items() if is_exactness(key)]
        if refused:
            raise RunFolderError(
                f"checkpoint {checkpoint.path}: expected the run that saved it, got another: "
                f"{'; '.join(refused + inexact)}; resume it as it was, or train in another folder"
            )
        if inexact and not allow_inexact:
            raise RunFolderError(
                f"checkpoint {checkpoint.path}: expected what computed it, got other means: "
                f"{'; '.join(inexact)}; resume it as it was, or with --allow-inexact, after "
                "which it may end with other bits"
            )
        if inexact:
            notify(
                f"checkpoint {checkpoint.path} is resumed inexactly, and the run may end with "
                f"other bits: {'; '.join(inexact)}"
            )

    def _published(self) -> list[Path]:
        steps = {path: step_of(path) for path in self._folder.iterdir()}
        known = {path: step for path, step in steps.items() if step is not None}
        return sorted(known, key=known.__getitem__)

    def _prune(self) -> None:
        published = [path for path in self._published() if path not in self._passed_over]
        for path in (*published[: -self._keep], *self._passed_over):
            _hide(path)
        self._passed_over = set()
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        # Whoever wrote these is dead, for this process holds the lock.
        for path in sorted(self._folder.glob(".step-*")):
            remove_tree(path)


def _hide(path: Path) -> None:
    # Before it is removed, for a half removed checkpoint must not look like one.
    if path.exists():
        files.rename(path, aside(path))
