"""Errors of the operating system as messages that say how to mend them."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from tidegate.errors import RunFolderError

_REMEDIES = {
    errno.ENOSPC: "free some space on the disk",
    errno.EDQUOT: "free some space within the quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "make the disk writable, or choose another folder",
    errno.EACCES: "make the folder writable, or choose another",
    errno.EPERM: "make the folder writable, or choose another",
    errno.EIO: "the disk reports a fault: check it, or choose a folder on another",
}


@contextmanager
def as_run_folder_error(where: str, rest: str = "") -> Iterator[None]:
    """Turn what the system refuses in the block into a :class:`RunFolderError`.

    Args:
        where: The beginning of the message: where, and what was expected.
        rest: What to say after the cause, for example what is still whole.
    """
    try:
        yield
    except RunFolderError:
        raise
    except OSError as error:
        parts = (error.strerror or str(error), _REMEDIES.get(error.errno or 0, ""), rest)
        raise RunFolderError(f"{where}, got: {'; '.join(filter(None, parts))}") from error
