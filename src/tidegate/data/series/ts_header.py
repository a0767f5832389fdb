"""The header of a ``.ts`` file: what the file says of its series, by which they are checked."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.errors import DataError

_FLAGS = {
    "timestamps": "has_times",
    "univariate": "is_univariate",
    "equallength": "has_equal_length",
    "missing": "has_missing",
}
_COUNTS = {
    "dimensions": "num_channels",
    "dimension": "num_channels",
    "serieslength": "length",
}


@dataclass
class TsHeader:
    """What a header says; None where it says nothing."""

    name: str = ""
    has_times: bool | None = None
    is_univariate: bool | None = None
    has_equal_length: bool | None = None
    has_missing: bool | None = None
    num_channels: int | None = None
    length: int | None = None
    """The steps of every series."""
    classes: tuple[str, ...] = ()
    has_target: bool = False
    """Whether a number that is to be predicted follows each series."""
    unread: list[str] = field(default_factory=list)
    """Keys of lines that mean nothing here."""

    @property
    def has_answers(self) -> bool:
        """Whether a class or a number follows each series."""
        return bool(self.classes) or self.has_target


def read_header(path: Path, lines: Iterator[tuple[int, str]]) -> TsHeader:
    """Read the lines up to ``@data``, in any order and with any case of the keys.

    Raises:
        DataError: A line has a value that its key cannot have, or there is no ``@data``.
    """
    header = TsHeader()
    for number, line in lines:
        where = f"{path}:{number}"
        if not line.startswith("@"):
            raise DataError(
                f"{where}: expected a line of the header, such as @classLabel true a b, and then "
                f"@data, got {line[:40]!r}"
            )
        key, *words = line[1:].split() or [""]
        if key.lower() == "data":
            _check(header, where)
            return header
        _take(header, key, words, where)
    raise DataError(
        f"{path}: expected a header with @data before the series, as .ts files of the UEA and UCR "
        "archives have it, got none"
    )


def _take(header: TsHeader, key: str, words: list[str], where: str) -> None:
    name = key.lower()
    if name == "problemname":
        header.name = " ".join(words)
    elif name in _FLAGS:
        setattr(header, _FLAGS[name], _flag(key, words, where))
    elif name in _COUNTS:
        if len(words) != 1 or not words[0].isdecimal() or int(words[0]) < 1:
            raise DataError(
                f"{where}: expected a number above 0 behind @{key}, got {' '.join(words)!r}"
            )
        setattr(header, _COUNTS[name], int(words[0]))
    elif name == "classlabel":
        if _flag(key, words[:1], where):
            header.classes = tuple(words[1:])
            if len(words) < 2 or len({*header.classes}) < len(header.classes):
                raise DataError(
                    f"{where}: expected the names of the classes, each once, behind @{key} true, "
                    f"got {' '.join(words[1:]) or 'none'}"
                )
    elif name == "targetlabel":
        header.has_target = _flag(key, words[:1], where)
    else:
        header.unread.append(key)


def _flag(key: str, words: list[str], where: str) -> bool:
    said = " ".join(words).lower()
    if said not in ("true", "false"):
        raise DataError(f"{where}: expected true or false behind @{key}, got {said!r}")
    return said == "true"


def _check(header: TsHeader, where: str) -> None:
    if header.is_univariate and (header.num_channels or 1) != 1:
        raise DataError(
            f"{where}: expected @dimensions 1 beside @univariate true, got {header.num_channels}"
        )
    if header.classes and header.has_target:
        raise DataError(f"{where}: expected one of @classLabel and @targetLabel true, got both")
    if header.is_univariate:
        header.num_channels = 1
    if header.has_equal_length is False:
        header.length = None  # some files give the longest
