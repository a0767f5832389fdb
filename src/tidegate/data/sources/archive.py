"""The archive of a data set on the internet, and where a downloaded copy is kept."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Archive:
    """A file that ``tidegate data get`` downloads."""

    url: str
    md5: str
    file_name: str

    @property
    def path(self) -> Path:
        """Where the copy is, once it has been downloaded."""
        return cache_folder() / self.file_name


def cache_folder() -> Path:
    """Where downloads are kept: ``TIDEGATE_CACHE``, or ``tidegate`` in the user's cache folder."""
    chosen = os.environ.get("TIDEGATE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tidegate"
