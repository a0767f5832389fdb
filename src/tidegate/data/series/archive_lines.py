"""Lines of the archives' text formats, ``.ts`` and ``.tsf``: comments, a header, and series."""

from collections.abc import Iterator
from pathlib import Path

from tidegate.data.series.raw import Progress
from tidegate.data.tables.byte_stream import ByteStream
from tidegate.data.tables.table import MOST_FIELD_BYTES
from tidegate.errors import DataError

_TOLD_EVERY = 200
"""Lines; one has a whole series."""


def lines(path: Path, on_progress: Progress) -> Iterator[tuple[int, str]]:
    """The number and the text of each line that is neither blank nor a comment.

    Comments may be in any encoding, as some archives' are; the rest is UTF-8.

    Raises:
        DataError: The file cannot be read, or a line is too long or not UTF-8.
    """
    stream = ByteStream(path)
    with stream.open() as file:
        for number, line in enumerate(iter(lambda: file.readline(MOST_FIELD_BYTES + 1), b""), 1):
            if len(line) > MOST_FIELD_BYTES:
                raise DataError(
                    f"{path}:{number}: expected lines of at most {MOST_FIELD_BYTES:,} bytes, got a "
                    "longer one"
                )
            if number % _TOLD_EVERY == 0:
                on_progress(path, stream.done)
            line = line.removeprefix(b"\xef\xbb\xbf").strip()
            if not line or line.startswith((b"#", b"%")):
                continue
            try:
                yield number, line.decode()
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}:{number}: expected UTF-8, got byte 0x{line[error.start]:02x} at "
                    f"position {error.start}"
                ) from None
