"""Standard output and error that may be closed or full: what a verb writes to files is not lost.

A reader that left (``| head -1``), a stream that was closed (``>&-``) or a disk that is full
(``> FILE``) is no reason for a training to fail: what cannot be printed is dropped.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = {1: "stdout", 2: "stderr"}
_GONE = (errno.EPIPE, errno.EBADF)
"""Whoever closed the stream knows."""


class _Lasting(io.FileIO):
    """A file descriptor, not closed with it, that drops what the system refuses to write.

    Attributes:
        error: The first refusal.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.error: OSError | None = None

    def write(self, content: Any, /) -> Any:
        if self.error is None:
            try:
                return super().write(content)
            except OSError as error:
                self.error = error
        return memoryview(content).nbytes


@contextmanager
def lasting() -> Iterator[None]:
    """Let ``sys.stdout`` and ``sys.stderr`` drop what cannot be written to them, in the block.

    At its end a line on stderr says what was lost for another reason than a closed stream.
    """
    _open_closed()
    before = sys.stdout, sys.stderr
    found = {descriptor: _replace(descriptor) for descriptor in NAMES}
    try:
        yield
    finally:
        for descriptor in NAMES:
            stream = getattr(sys, NAMES[descriptor])
            stream.flush()
            raw = found[descriptor]
            if raw is not None and raw.error is not None and raw.error.errno not in _GONE:
                sys.stderr.write(
                    f"{NAMES[descriptor]}: expected to write to it, got: {raw.error.strerror}; "
                    "what was to be printed there is lost\n"
                )
        sys.stdout, sys.stderr = before


def _open_closed() -> None:
    """Give closed standard descriptors to the null device, lest a file of the run gets one."""
    for descriptor in (0, *NAMES):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for descriptor, name in NAMES.items():
        if getattr(sys, name) is None:
            setattr(
                sys,
                name,
                io.TextIOWrapper(
                    io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False)), encoding="utf-8"
                ),
            )


def _replace(descriptor: int) -> _Lasting | None:
    """Put a stream over a lasting descriptor; None where it was replaced by something else."""
    stream = getattr(sys, NAMES[descriptor])
    buffer = getattr(stream, "buffer", None)
    # Unbuffered (python -u), it is the file itself.
    if type(getattr(buffer, "raw", buffer)) is not io.FileIO:
        return None
    stream.flush()
    raw = _Lasting(descriptor)
    setattr(
        sys,
        NAMES[descriptor],
        io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        ),
    )
    return raw
