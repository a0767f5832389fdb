"""A file that is opened for reading and writing, and held until it is closed."""

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from tidegate.storage import files
from tidegate.storage.os_errors import as_run_folder_error


class HeldFile(ABC):
    """Base of the lock and the log: opens a file, made empty if there is none.

    Args:
        where: The beginning of messages.
        path: The file; its folder is there.
        opening, closing: What was expected when the system refuses to open or close it.

    Raises:
        RunFolderError: The system refused.
    """

    def __init__(self, where: str, path: Path, *, opening: str, closing: str) -> None:
        self._where, self._closing = where, closing
        with as_run_folder_error(f"{where}: expected {opening}"):
            self._descriptor = files.update(path)
            try:
                self._prepare()
            except BaseException:
                self.close()
                raise

    @abstractmethod
    def _prepare(self) -> None:
        """Check and change the file that was opened; it is closed again where this fails."""

    def close(self) -> None:
        """Close the file; a second call does nothing.

        Raises:
            RunFolderError: The system refused.
        """
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with as_run_folder_error(f"{self._where}: expected {self._closing}"):
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
