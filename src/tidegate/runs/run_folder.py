"""The folder of a run: claimed before anything is computed, and never shared by two runs."""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tidegate.errors import RunFolderError
from tidegate.runs.results import FILE_NAME
from tidegate.storage import regular
from tidegate.storage.atomic import is_aside, make_folders, remove_leftovers
from tidegate.storage.lock import FolderLock
from tidegate.storage.os_errors import as_run_folder_error

MODELS, TRAINING, PRETRAINING = "models", "training", "pretraining"
"""Where a run's models go, what it needs to go on from, and its language models."""


def name_of(cell: str, seed: int) -> str:
    """The name of a job's folders."""
    return f"{cell}-seed{seed}"


@contextmanager
def claim(path: Path, *, numbered: bool = False) -> Iterator[Path]:
    """Make a new folder for a run, or take an empty one; if nothing gets written, it goes again.

    Args:
        numbered: Where the folder exists, make one with -2, -3 and so on behind its name: no two
            processes get the same.

    Raises:
        RunFolderError: The folder holds another run or other files, or cannot be written.
    """
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        if numbered:
            path = _make_numbered(path)
            made = [path, *(folder for folder in made if folder in path.parents)]
        else:
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
            # Another run may be beginning beside it.
            with suppress(OSError):
                for folder in made:
                    folder.rmdir()


def _make_numbered(path: Path) -> Path:
    for number in itertools.count(1):
        numbered = path if number == 1 else path.with_name(f"{path.name}-{number}")
        with suppress(FileExistsError):
            numbered.mkdir(parents=True)
            return numbered
    raise AssertionError  # the count has no end


def has_checkpoint(path: Path) -> bool:
    """Whether a run can go on from the middle of one of its trainings."""
    return any(
        next((path / part).glob("**/checkpoints/step-*"), None) is not None
        for part in (TRAINING, PRETRAINING)
    )


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the folder of a run that begins or goes on, so that no other process writes in it, and
    remove what a killed one left half written.

    A run folder may come from anywhere, so nothing in it may lead out of it.

    Raises:
        RunFolderError: Another process holds it, it cannot be written, or it holds anything but
            folders and regular files.
    """
    expected = f"run folder {path}: expected a folder that can be written"
    with as_run_folder_error(expected):
        odd = regular.find_odd(path)
        if odd is not None:
            where, what = odd
            raise RunFolderError(
                f"run folder {path}: expected folders and regular files alone, got {what}, "
                f"{where.relative_to(path)}; put what belongs there in its place"
            )
        make_folders(path / TRAINING)
    with FolderLock(path / TRAINING):
        with as_run_folder_error(expected):
            for folder in (path, path / MODELS):
                if folder.is_dir():
                    remove_leftovers(folder)
        yield
