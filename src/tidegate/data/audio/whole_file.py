"""Whether a file of audio was cut: its end is compared with what its beginning promises."""

import os
from typing import BinaryIO, Literal

_UNKNOWN = 0xFFFFFFFF
"""The size that programs write which do not know yet how much will follow."""
_OGG_PAGE_BYTES = 65_307
"""The largest page of Ogg (RFC 3533)."""
_LAST_PAGE = 4
"""The bit of a page's flags that marks the last one of a stream."""


def why_cut(file: BinaryIO) -> str | None:
    """What shows that a WAV or Ogg file was cut; None for a whole one, or for another format.

    A cut FLAC file is told by its samples, which are fewer than its header says.

    Args:
        file: Read from its beginning; where it stands afterwards is undefined.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(12)
    if start[:4] in (b"RIFF", b"RIFX") and start[8:] == b"WAVE":
        return _wave(file, size, "little" if start[:4] == b"RIFF" else "big")
    return _ogg(file, size) if start[:4] == b"OggS" else None


def _wave(file: BinaryIO, size: int, order: Literal["little", "big"]) -> str | None:
    place = 12
    while place + 8 <= size:
        file.seek(place)
        head = file.read(8)
        num_bytes = int.from_bytes(head[4:], order)
        there = size - place - 8
        if head[:4] == b"data":
            if there >= num_bytes or num_bytes == _UNKNOWN:
                return None
            return f"{num_bytes:,} bytes of samples as its header says, got {there:,}"
        place += 8 + num_bytes + num_bytes % 2
    return "a data chunk, got none"


def _ogg(file: BinaryIO, size: int) -> str | None:
    file.seek(max(size - _OGG_PAGE_BYTES - 27, 0))
    tail = file.read()
    page = tail[max(tail.rfind(b"OggS"), 0) :]
    num_segments = page[26] if len(page) > 26 else 0
    wanted = 27 + num_segments + sum(page[27 : 27 + num_segments])
    if len(page) < max(wanted, 27 + num_segments) or len(page) < 27:
        return "a whole last page, got a part of one"
    return None if page[5] & _LAST_PAGE else "a page that is marked as the last one, got none"
