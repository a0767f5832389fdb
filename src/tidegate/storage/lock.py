"""A folder held by one process at a time."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from tidegate.errors import RunFolderError
from tidegate.storage import files
from tidegate.storage.os_errors import as_run_folder_error

NAME = "lock"


class FolderLock:
    """Holds ``folder`` until :meth:`close`, or until the process ends in whatever way.

    The file ``lock`` stays behind, with the last holder's process id: to remove it would let two
    processes lock two files of one name.

    Raises:
        RunFolderError: Another holds the folder, and the message has its process id; or the file
            cannot be written or locked.
    """

    def __init__(self, folder: Path) -> None:
        self._where = f"run folder {folder}"
        with as_run_folder_error(f"{self._where}: expected to lock it"):
            self._descriptor = files.update(folder / NAME)
            try:
                self._acquire()
                files.truncate(self._descriptor, 0)
                files.write(self._descriptor, f"{os.getpid()}\n".encode())
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let the folder go; a second call does nothing.

        Raises:
            RunFolderError: The system refused.
        """
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with as_run_folder_error(f"{self._where}: expected to unlock it"):
                files.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _acquire(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Between its lock and its note the holder has no id yet.
            holder = os.pread(self._descriptor, 20, 0).decode(errors="replace").strip()
            raise RunFolderError(
                f"{self._where}: expected a folder that nobody else writes, got one held by "
                f"process {holder or 'unknown'}; wait for it or end it, or choose another folder"
            ) from None
