"""JSON files that name their format."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.errors import FormatError


def to_bytes(content: Mapping[str, Any]) -> bytes:
    """The bytes of a file for a person to read too.

    Raises:
        TypeError: Something in it has no form in JSON.
        ValueError: A number in it is not finite.
    """
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
    return (text + "\n").encode()


def read(path: Path, expected: str) -> dict[str, Any]:
    """The content of a file, without its ``format``.

    Raises:
        FileNotFoundError: There is none.
        FormatError: The file cannot be read, is not JSON, or has another format.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FormatError(f"{path}: expected a readable file, got {error.strerror}") from error
    except ValueError as error:
        raise FormatError(f"{path}: expected JSON, got {error}") from error
    found = content.pop("format", None) if isinstance(content, dict) else None
    if found != expected:
        raise FormatError(f"{path}: expected format {expected!r}, got {found!r}")
    return dict(content)
