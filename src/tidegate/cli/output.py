"""Keeps a verb running when standard output or standard error cannot be written.

A closed pipe (``| head -1``), a closed stream (``>&-``) or a full disk (``> FILE``) does not make a
training fail: the text that cannot be printed is dropped.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = {1: "stdout", 2: "stderr"}
_CLOSED = (errno.EPIPE, errno.EBADF)
"""Error numbers of a closed stream, which needs no message: somebody closed it on purpose."""


class _TolerantFile(io.FileIO):
    """An unbuffered file over a descriptor that drops everything after the first write error.

    Attributes:
        error: The first error; None before one.
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
def ignore_lost_output() -> Iterator[None]:
    """In the block, ``sys.stdout`` and ``sys.stderr`` drop what cannot be written to them.

    At its end a line on stderr names the error, unless the stream was closed.
    """
    _open_closed()
    before = sys.stdout, sys.stderr
    files = {descriptor: _replace(descriptor) for descriptor in NAMES}
    try:
        yield
    finally:
        for descriptor in NAMES:
            stream = getattr(sys, NAMES[descriptor])
            stream.flush()
            file = files[descriptor]
            if file is not None and file.error is not None and file.error.errno not in _CLOSED:
                sys.stderr.write(
                    f"{NAMES[descriptor]}: expected to write to it, got: {file.error.strerror}; "
                    "what was to be printed there is lost\n"
                )
        sys.stdout, sys.stderr = before


def _open_closed() -> None:
    """Open closed standard descriptors on the null device, lest other files get their numbers."""
    for descriptor in (0, *NAMES):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this descriptor
    for descriptor, name in NAMES.items():
        if getattr(sys, name) is None:
            setattr(
                sys,
                name,
                io.TextIOWrapper(
                    io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False)), encoding="utf-8"
                ),
            )


def _replace(descriptor: int) -> _TolerantFile | None:
    """Put a standard stream over a tolerant file; None if the stream is no plain file any more."""
    stream = getattr(sys, NAMES[descriptor])
    buffer = getattr(stream, "buffer", None)
    # With python -u there is no buffer: ``buffer`` is the file itself.
    if type(getattr(buffer, "raw", buffer)) is not io.FileIO:
        return None
    stream.flush()
    file = _TolerantFile(descriptor)
    setattr(
        sys,
        NAMES[descriptor],
        io.TextIOWrapper(
            io.BufferedWriter(file),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        ),
    )
    return file
