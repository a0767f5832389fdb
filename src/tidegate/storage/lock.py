"""A folder held by one process at a time."""

import fcntl
import os
from pathlib import Path

from tidegate.errors import RunFolderError
from tidegate.storage import files
from tidegate.storage.held_file import HeldFile

NAME = "lock"


class FolderLock(HeldFile):
    """Holds ``folder`` until :meth:`close`, or until the process ends in whatever way.

    The file ``lock`` stays behind, with the last holder's process id: to remove it would let two
    processes lock two files of one name.

    Raises:
        RunFolderError: Another holds the folder, and the message has its process id; or the file
            cannot be written or locked.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"run folder {folder}", folder / NAME, opening="to lock it", closing="to unlock it"
        )

    def _prepare(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # The holder writes its id after it has locked: for a moment there is none.
            holder = os.pread(self._descriptor, 20, 0).decode(errors="replace").strip()
            raise RunFolderError(
                f"{self._where}: expected a folder that nobody else writes, got one held by "
                f"process {holder or 'unknown'}; wait for it or end it, or choose another folder"
            ) from None
        files.truncate(self._descriptor, 0)
        files.write(self._descriptor, f"{os.getpid()}\n".encode())
