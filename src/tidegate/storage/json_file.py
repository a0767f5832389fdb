"""JSON that comes from outside: bounded in size and depth, every key once, numbers finite."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.errors import FormatError
from tidegate.storage import regular

MOST_BYTES = 1 << 30
"""The largest file that is read: a comparison of a hundred jobs with 25,000 test texts each takes
some 60 MB."""
MOST_DEPTH = 32
"""The deepest nesting of lists and objects; files written here have a depth of eight at most."""


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


def parse(content: bytes | str, *, allow_nonfinite: bool = False) -> Any:
    """Decode a JSON text.

    Args:
        content: In UTF-8.
        allow_nonfinite: Accept ``NaN``, ``Infinity`` and ``-Infinity``, which JSON lacks.

    Raises:
        ValueError: It is no JSON in UTF-8, or has a key twice, a number that is not finite, half a
            character, or more than :data:`MOST_DEPTH` lists and objects in one another.
    """
    text = content if isinstance(content, str) else content.decode("utf-8")
    deep = f"more than {MOST_DEPTH} lists and objects in one another"
    try:
        decoded = (_LENIENT if allow_nonfinite else _STRICT).decode(text)
    except RecursionError:
        raise ValueError(deep) from None
    level: list[Any] = [[decoded]]
    for _ in range(MOST_DEPTH + 1):
        level = [part for value in level for part in _containers(value)]
        if not level:
            return decoded
    raise ValueError(deep)


def parse_object(content: bytes, where: object, *, allow_nonfinite: bool = False) -> dict[str, Any]:
    """Decode a JSON object; ``where`` begins the message of an error.

    Raises:
        FormatError: It is none, or refused by :func:`parse`.
    """
    try:
        value = parse(content, allow_nonfinite=allow_nonfinite)
    except ValueError as error:
        raise FormatError(f"{where}: expected JSON, got {error}") from error
    if not isinstance(value, dict):
        raise FormatError(f"{where}: expected a JSON object, got a {type(value).__name__}")
    return value


def read(
    path: Path,
    expected: str,
    *,
    most_bytes: int = MOST_BYTES,
    follow: bool = False,
    allow_nonfinite: bool = False,
    earlier: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The content of a file, without its ``format``.

    Args:
        path: A regular file.
        expected: The format.
        most_bytes: That it may have.
        follow: Whether ``path`` may be a link; see :mod:`tidegate.storage.regular`.
        allow_nonfinite: See :func:`parse`.
        earlier: See :func:`check_format`.

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
    document = parse_object(content, path, allow_nonfinite=allow_nonfinite)
    check_format(document, expected, path, earlier)
    return document


def check_format(
    content: dict[str, Any], expected: str, where: object, earlier: tuple[str, ...] = ()
) -> None:
    """Take the ``format`` out of an object.

    Args:
        content: Of a file.
        expected: The format.
        where: Begins the message of an error.
        earlier: How the formats of earlier versions begin.

    Raises:
        FormatError: It is missing or another.
    """
    written = content.pop("format", None)
    if written != expected:
        if isinstance(written, str) and written.startswith(earlier):
            raise FormatError(
                f"{where}: expected format {expected!r}, got {written!r} of another version of "
                "tidegate; read it with that version"
            )
        raise FormatError(f"{where}: expected format {expected!r}, got {written!r}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise ValueError(f"the key {key!r} twice")
        members[key] = value
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not abs(number) < float("inf"):
        raise ValueError(f"the number {text[:40]}, which is not finite")
    return number


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite)
_LENIENT = json.JSONDecoder(object_pairs_hook=_object)


def _containers(value: dict[str, Any] | list[Any]) -> list[Any]:
    """The lists and objects inside one; texts inside it are checked."""
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    for part in parts:
        if isinstance(part, str) and not part.isascii():
            part.encode()  # a ValueError of half a character, which no file in UTF-8 can hold
    return [part for part in parts if isinstance(part, dict | list)]
