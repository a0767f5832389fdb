"""``history.jsonl``: one line of JSON a step or an epoch, cut back when a run resumes.

A checkpoint stores the log's length; the resumed run cuts what the killed one wrote after it and
writes it again, so that the log too is, byte for byte, that of a run never killed. Records must
then hold nothing that a clock gave.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.errors import FormatError
from tidegate.storage import files
from tidegate.storage.held_file import HeldFile
from tidegate.storage.os_errors import as_run_folder_error


class HistoryLog(HeldFile):
    """The log at ``path``, open for appending.

    Args:
        path: Made if it is missing; its folder is there.
        num_bytes: What :meth:`sync` gave for the checkpoint that the run goes on from, 0 for none;
            whatever comes after is cut.

    Raises:
        FormatError: The file is shorter than ``num_bytes``, or no line ends there.
        RunFolderError: The file cannot be written.
    """

    def __init__(self, path: Path, *, num_bytes: int) -> None:
        self._path, self._num_bytes = path, num_bytes
        super().__init__(
            f"log {path}", path, opening="a file that can be written", closing="to close it"
        )

    def _prepare(self) -> None:
        self._check_end()
        files.truncate(self._descriptor, self._num_bytes)
        os.lseek(self._descriptor, self._num_bytes, os.SEEK_SET)
        files.sync_folder(self._path.parent)

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one line.

        Raises:
            RunFolderError: The system refused.
            ValueError: A number in ``record`` is not finite.
        """
        text = json.dumps(record, ensure_ascii=False, allow_nan=False)
        line = (text + "\n").encode()
        with as_run_folder_error(f"{self._where}: expected to append a line"):
            files.write(self._descriptor, line)
        self._num_bytes += len(line)

    def sync(self) -> int:
        """Wait until all lines are on the disk; gives the length for the checkpoint, in bytes.

        Raises:
            RunFolderError: The system refused.
        """
        with as_run_folder_error(f"{self._where}: expected to bring it to the disk"):
            files.sync(self._descriptor)
        return self._num_bytes

    def _check_end(self) -> None:
        """Refuse a file in which the checkpoint's last line does not end where it did.

        Raises:
            FormatError: It is shorter, or no line ends there.
        """
        num_bytes, present = self._num_bytes, os.fstat(self._descriptor).st_size
        if present < num_bytes:
            raise FormatError(
                f"{self._where}: expected at least the {num_bytes} bytes that the checkpoint "
                f"knows of, got {present}; put back a copy, or start again in another folder"
            )
        if num_bytes and os.pread(self._descriptor, 1, num_bytes - 1) != b"\n":
            raise FormatError(
                f"{self._where}: expected a line to end at byte {num_bytes}, where the checkpoint "
                "was made, got none; put back a copy, or start again in another folder"
            )
