"""The data sets that tidegate knows by name."""

import difflib

from tidegate.data.sources import aeon_series, forecasts, imdb, rotten_tomatoes, spoken_digits
from tidegate.data.sources.source import DataSource, Kind
from tidegate.errors import DataError

_sources: dict[str, DataSource] = {}


def register(source: DataSource) -> None:
    """Make a data set known by its name.

    Raises:
        ValueError: Another one has this name.
    """
    if source.name in _sources:
        raise ValueError(f"register: expected a new name, got {source.name!r}, which is taken")
    _sources[source.name] = source


def names(kind: Kind | None = None) -> list[str]:
    """The names of all data sets, or of those of a kind, in alphabetical order."""
    return sorted(name for name, source in _sources.items() if kind in (None, source.kind))


def get(name: str) -> DataSource:
    """The data set of this name, of any kind.

    Raises:
        DataError: There is none.
    """
    if name not in _sources:
        near = difflib.get_close_matches(name, _sources, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DataError(f"data set: expected one of {', '.join(names())}, got {name!r}{hint}")
    return _sources[name]


for _source in (
    imdb.SOURCE,
    rotten_tomatoes.SOURCE,
    aeon_series.JAPANESE_VOWELS,
    aeon_series.PICKUP_GESTURES,
    aeon_series.BASIC_MOTIONS,
    spoken_digits.SOURCE,
    forecasts.SF_TEMPS,
    forecasts.M1_YEARLY,
):
    register(_source)
