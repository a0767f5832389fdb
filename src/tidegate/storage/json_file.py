"""JSON that comes from outside: bounded in size and depth, every key once, every number finite."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.errors import FormatError
from tidegate.storage import regular

MOST_BYTES = 1 << 30
"""Of a file: a comparison with a hundred jobs of 25,000 test texts each has some 60 MB."""
MOST_DEPTH = 32
"""Of lists and objects in one another: our own files have eight at most."""


def to_bytes(content: Mapping[str, Any], *, indent: int | None = 1) -> bytes:
    """The bytes of a file for a person to read too.

    Args:
        content: What JSON has a form for.
        indent: Blanks a level; None for all in one line, for long lists.

    Raises:
        TypeError: Something in it has no form in JSON.
        ValueError: A number in it is not finite.
    """
    text = json.dumps(content, ensure_ascii=False, indent=indent, allow_nan=False)
    return (text + "\n").encode()


def parse(content: bytes | str) -> Any:
    """What a JSON text says.

    Raises:
        ValueError: It is no JSON in UTF-8, or has a key twice, a number that is not finite, half a
            character, or more than :data:`MOST_DEPTH` lists and objects in one another.
    """
    text = content if isinstance(content, str) else content.decode("utf-8")
    deep = f"more than {MOST_DEPTH} lists and objects in one another"
    try:
        found = _DECODER.decode(text)
    except RecursionError:
        raise ValueError(deep) from None
    level, depth = [found], 0
    while level:
        if depth > MOST_DEPTH:
            raise ValueError(deep)
        level, depth = [part for value in level for part in _parts(value)], depth + 1
    return found


def parse_object(content: bytes, where: object) -> dict[str, Any]:
    """What a file with a JSON object says; ``where`` begins the message of an error.

    Raises:
        FormatError: It is none, or refused by :func:`parse`.
    """
    try:
        found = parse(content)
    except ValueError as error:
        raise FormatError(f"{where}: expected JSON, got {error}") from error
    if not isinstance(found, dict):
        raise FormatError(f"{where}: expected a JSON object, got a {type(found).__name__}")
    return found


def read(
    path: Path, expected: str, *, most_bytes: int = MOST_BYTES, follow: bool = False
) -> dict[str, Any]:
    """The content of a file, without its ``format``.

    Args:
        path: A regular file.
        expected: The format.
        most_bytes: That it may have.
        follow: Whether ``path`` may be a link; see :mod:`tidegate.storage.regular`.

    Raises:
        FileNotFoundError: There is none.
        FormatError: The file cannot be read, is not JSON, or has another format.
    """
    try:
        content = regular.read(path, most_bytes, follow=follow)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FormatError(f"{path}: expected a readable file, got {error.strerror}") from error
    found = parse_object(content, path)
    check_format(found, expected, path)
    return found


def check_format(content: dict[str, Any], expected: str, where: object) -> None:
    """Take the ``format`` out of an object.

    Raises:
        FormatError: It is missing or another.
    """
    found = content.pop("format", None)
    if found != expected:
        raise FormatError(f"{where}: expected format {expected!r}, got {found!r}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} twice")
        found[key] = value
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not abs(number) < float("inf"):
        raise ValueError(f"the number {text[:40]}, which is not finite")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, str) and not value.isascii():
        value.encode()  # a ValueError of half a character, which no file in UTF-8 can hold
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []
