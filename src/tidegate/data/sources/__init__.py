"""Sources: data sets by name, such as ``imdb`` or ``japanese-vowels``.

A built-in set is a module of this package with a :class:`Source`, :class:`SeriesSource` or
:class:`ForecastSource` that is listed in ``registry.py``; nothing else in tidegate knows its name.
"""

from tidegate.data.sources.collect import collect, get_forecast, load, load_any, load_series
from tidegate.data.sources.registry import get, names, register
from tidegate.data.sources.series_source import ForecastSource, SeriesSource
from tidegate.data.sources.source import DataSource, Kind, Opened, Part, Reference, Rows, Source

__all__ = [
    "DataSource",
    "ForecastSource",
    "Kind",
    "Opened",
    "Part",
    "Reference",
    "Rows",
    "SeriesSource",
    "Source",
    "collect",
    "get",
    "get_forecast",
    "load",
    "load_any",
    "load_series",
    "names",
    "register",
]
