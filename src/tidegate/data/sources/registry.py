"""The data sets that tidegate knows by name."""

import difflib

from tidegate.data.sources import imdb, rotten_tomatoes
from tidegate.data.sources.source import Source
from tidegate.errors import DataError

_sources: dict[str, Source] = {}


def register(source: Source) -> None:
    """Make a data set known by its name.

    Raises:
        ValueError: Another one has this name.
    """
    if source.name in _sources:
        raise ValueError(f"register: expected a new name, got {source.name!r}, which is taken")
    _sources[source.name] = source


def names() -> list[str]:
    """The names of all data sets, in alphabetical order."""
    return sorted(_sources)


def get(name: str) -> Source:
    """The data set of this name.

    Raises:
        DataError: There is none.
    """
    if name not in _sources:
        near = difflib.get_close_matches(name, _sources, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DataError(f"data set: expected one of {', '.join(names())}, got {name!r}{hint}")
    return _sources[name]


for _source in (imdb.SOURCE, rotten_tomatoes.SOURCE):
    register(_source)
