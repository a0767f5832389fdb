"""JSON files that name their format."""

import json
from pathlib import Path
from typing import Any

from tidegate.errors import FormatError


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
