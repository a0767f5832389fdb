"""The folder of a run: claimed before anything is computed, and never shared by two runs."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.comparison.results import FILE_NAME
from tidegate.errors import RunFolderError


@contextmanager
def claim(path: Path) -> Iterator[Path]:
    """Make a new folder for a run, or take an empty one; if nothing gets written, it goes again.

    Raises:
        RunFolderError: The folder holds another run or other files, or cannot be written.
    """
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        held = sorted(child.name for child in path.iterdir())
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
def reopen(path: Path) -> Iterator[Path]:
    """Take the folder of a run that goes on.

    Raises:
        RunFolderError: It cannot be written.
    """
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise RunFolderError(
            f"run folder {path}: expected a folder that can be written, got: {error.strerror}"
        ) from error
    yield path
