"""The folder of a run: claimed before anything is computed, and never shared by two runs."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.errors import RunFolderError
from tidegate.runs.results import FILE_NAME
from tidegate.storage.atomic import is_aside, make_folders, remove_leftovers
from tidegate.storage.lock import FolderLock
from tidegate.storage.os_errors import as_run_folder_error

MODELS, TRAINING = "models", "training"
"""Where a run's models go, and what it needs to go on from."""


@contextmanager
def claim(path: Path) -> Iterator[Path]:
    """Make a new folder for a run, or take an empty one; if nothing gets written, it goes again.

    Raises:
        RunFolderError: The folder holds another run or other files, or cannot be written.
    """
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        held = sorted(child.name for child in path.iterdir() if not is_aside(child.name))
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise RunFolderError(
            f"run folder {path}: expected a folder that can be written, got: {error.strerror}"
        ) from error
    if FILE_NAME in held:
        raise RunFolderError(
            f"run folder {path}: expected a new or empty folder, got one that holds another run; "
            "choose another folder, or move that one away"
        )
    if held:
        raise RunFolderError(
            f"run folder {path}: expected a new or empty folder, got one with {', '.join(held[:3])}"
            f"{' ...' if len(held) > 3 else ''}"
        )
    try:
        yield path
    finally:
        if not any(path.iterdir()):
            for folder in made:
                folder.rmdir()


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the folder of a run that begins or goes on, so that no other process writes in it, and
    remove what a killed one left half written.

    Raises:
        RunFolderError: Another process holds it, or it cannot be written.
    """
    expected = f"run folder {path}: expected a folder that can be written"
    with as_run_folder_error(expected):
        make_folders(path / TRAINING)
    with FolderLock(path / TRAINING):
        with as_run_folder_error(expected):
            for folder in (path, path / MODELS):
                if folder.is_dir():
                    remove_leftovers(folder)
        yield
