"""Sources: data sets as rows of named columns, each known by a name, such as ``imdb``.

A built-in set is a module of this package with a :class:`Source` named ``SOURCE``, listed in
``registry.py``; nothing else in tidegate knows its name.
"""

from tidegate.data.sources.collect import collect, load
from tidegate.data.sources.registry import get, names, register
from tidegate.data.sources.source import Opened, Part, Reference, Rows, Source

__all__ = [
    "Opened",
    "Part",
    "Reference",
    "Rows",
    "Source",
    "collect",
    "get",
    "load",
    "names",
    "register",
]
