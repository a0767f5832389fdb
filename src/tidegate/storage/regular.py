"""Regular files alone are opened: no link is followed, and no pipe or device waited for.

Every file that is read, or written in place, in a run or model folder is opened here; new ones are
made by :func:`tidegate.storage.files.create`, which follows no link either. :func:`find_odd` looks
through the folders above them. Whoever may write in a folder while it is used can still exchange a
folder for a link between the two: run folders are safe to take from strangers, not to share.
"""

import errno
import os
import stat
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_regular(path: Path, flags: int = os.O_RDONLY, *, follow: bool = False) -> int:
    """Open a regular file; gives its descriptor.

    Args:
        path: Only its last name is looked at.
        flags: As :func:`os.open` takes them; a file that they make has the usual mode.
        follow: Whether ``path`` may be a link: one that the user named is, one in a folder is not.

    Raises:
        OSError: The system refused, or something else is there; ``strerror`` says what.
    """
    flags |= os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags, 0o666)
    except ValueError as error:  # of a name that no system takes
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    except OSError as error:
        # ELOOP means a link and ENXIO a socket: the system's own words for them mislead.
        if error.errno in (errno.ELOOP, errno.ENXIO):
            check_regular(path, follow=follow)
        raise
    try:
        _check(os.fstat(descriptor), path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def check_regular(path: Path, *, follow: bool = False) -> None:
    """Refuse what :func:`open_regular` would, where others open the file.

    Raises:
        OSError: See :func:`open_regular`.
    """
    try:
        status = path.stat(follow_symlinks=follow)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    _check(status, path)


def is_folder(path: Path) -> bool:
    """Whether a folder is there; no where the system cannot tell, as of a name that is too long."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def check_single(path: Path, num_links: int) -> None:
    """Refuse to write in place what has a second name elsewhere.

    Raises:
        OSError: ``num_links``, the file's ``st_nlink``, is above 1.
    """
    if num_links > 1:
        what = f"a file of {num_links} names (hard links); put a copy of it in its place"
        raise OSError(errno.EMLINK, what, str(path))


def read(path: Path, most_bytes: int, *, follow: bool = False) -> bytes:
    """The content of a regular file of at most so many bytes.

    Raises:
        OSError: It is larger; or see :func:`open_regular`.
    """
    with os.fdopen(open_regular(path, follow=follow), "rb") as file:
        num_bytes = os.fstat(file.fileno()).st_size
        if num_bytes > most_bytes:
            what = f"{num_bytes:,} bytes, where {most_bytes:,} are the most"
            raise OSError(errno.EOVERFLOW, what, str(path))
        return file.read(num_bytes)


def find_odd(folder: Path) -> tuple[Path, str] | None:
    """The first thing at any depth that is neither a folder nor a regular file, and what it is.

    Raises:
        OSError: A folder cannot be read.
    """
    waiting = [folder]
    while waiting:
        try:
            children = sorted(waiting.pop().iterdir())
        except FileNotFoundError:  # the process that holds the folder has just removed it
            continue
        for child in children:
            try:
                mode = child.lstat().st_mode
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(mode):
                waiting.append(child)
            elif not stat.S_ISREG(mode):
                return child, _KINDS[stat.S_IFMT(mode)]
    return None


def _check(status: os.stat_result, path: Path) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if kind != stat.S_IFREG:
        what = f"{_KINDS[kind]}, where only a regular file is read or written"
        raise OSError(errno.EINVAL, what, str(path))
