"""Files and folders that are there whole or not at all: written aside, synced, then renamed."""

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tidegate.storage import files

_ASIDE = re.compile(r"\..+\.\d+\.[0-9a-f]{8}")


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by a UTF-8 file with ``text``."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by a file with ``content``."""
    temporary = aside(path)
    try:
        _write_synced(temporary, content)
        files.rename(temporary, path)
    except BaseException:
        with suppress(OSError):
            files.remove(temporary)
        raise
    files.sync_folder(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Callable[[str, bytes], None]]:
    """Give a function that writes a file (name, content) into a folder, which becomes ``path`` when
    the block ends well, and goes otherwise.

    Raises:
        FileExistsError: ``path`` exists already.
    """
    if path.exists():
        raise FileExistsError(f"{path}: expected no such folder yet, got one")
    make_folders(path.parent)
    temporary = aside(path)
    try:
        files.make_folder(temporary)
        yield lambda name, content: _write_synced(temporary / name, content)
        files.sync_folder(temporary)
        files.rename(temporary, path)
    except BaseException:
        # The first error is the one to tell, also when the disk refuses the removal too.
        with suppress(OSError):
            remove_tree(temporary)
        raise
    files.sync_folder(path.parent)


def make_folders(path: Path) -> None:
    """Make a folder and those above it, as far as they are missing, and sync their names."""
    if path.is_dir():
        return
    make_folders(path.parent)
    # Another process may make the same folder at this moment.
    with suppress(FileExistsError):
        files.make_folder(path)
    files.sync_folder(path.parent)


def remove_tree(path: Path) -> None:
    """Remove a folder and all it holds, or a file, or a link but not what it leads to."""
    if path.is_symlink() or not path.is_dir():
        files.remove(path)
        return
    for child in sorted(path.iterdir()):
        remove_tree(child)
    files.remove_folder(path)


def aside(path: Path) -> Path:
    """An unused hidden name beside ``path``, on the same disk, with this process' id in it."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")


def remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed has left aside in ``folder``.

    The caller knows that nobody else writes there.
    """
    for path in sorted(folder.iterdir()):
        if is_aside(path.name):
            remove_tree(path)


def is_aside(name: str) -> bool:
    """Whether :func:`aside` gives such names."""
    return _ASIDE.fullmatch(name) is not None


def _write_synced(path: Path, content: bytes) -> None:
    descriptor = files.create(path)
    try:
        files.write(descriptor, content)
        files.sync(descriptor)
    finally:
        files.close(descriptor)
