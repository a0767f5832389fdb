"""The operations that change files, each under its name.

Whatever has to outlive a crash is made of these and of nothing else, so that a test can stop the
process, or let the disk fail, at each of them in turn. Callers use them through the module.
"""

import os
from pathlib import Path

from tidegate.storage import regular


def make_folder(path: Path) -> None:
    """Make one folder, whose parent exists."""
    path.mkdir()


def create(path: Path) -> int:
    """Make a file that is not there yet and open it for writing; gives its descriptor."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)


def update(path: Path) -> int:
    """Open a file for reading and writing, made empty if there is none; gives its descriptor.

    Raises:
        OSError: The system refused, it is no regular file, or has a second name elsewhere.
    """
    descriptor = regular.open_regular(path, os.O_RDWR | os.O_CREAT)
    try:
        regular.check_single(path, os.fstat(descriptor).st_nlink)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def write(descriptor: int, content: bytes) -> None:
    """Write all of ``content``; the system may take it in several pieces."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def truncate(descriptor: int, num_bytes: int) -> None:
    """Cut a file to its first ``num_bytes``."""
    os.ftruncate(descriptor, num_bytes)


def sync(descriptor: int) -> None:
    """Wait until the content of a file is on the disk."""
    os.fsync(descriptor)


def close(descriptor: int) -> None:
    """Give a descriptor back."""
    os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Wait until a folder's names (made, renamed, removed) are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(source: Path, target: Path) -> None:
    """Give a file or folder another name, replacing a file of that name, in one step."""
    source.replace(target)


def remove(path: Path) -> None:
    """Remove a file."""
    path.unlink()


def remove_folder(path: Path) -> None:
    """Remove an empty folder."""
    path.rmdir()
