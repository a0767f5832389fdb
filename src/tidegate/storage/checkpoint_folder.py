"""One checkpoint: a folder with ``tensors.safetensors``, ``state.json``, ``fingerprint.json`` and
``manifest.json``, which has the sizes and sums of the others.

A checkpoint is whole if its manifest is, byte for byte, the one its other files give.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tidegate.errors import FormatError
from tidegate.storage import json_file, tensors
from tidegate.storage.atomic import new_folder
from tidegate.storage.sealed_folder import MANIFEST, Layout

TENSORS, STATE, FINGERPRINT = "tensors.safetensors", "state.json", "fingerprint.json"
LAYOUT = Layout(
    format="tidegate.checkpoint/1",
    tensors=TENSORS,
    most_bytes={TENSORS: 1 << 36, STATE: json_file.MOST_BYTES, FINGERPRINT: 1 << 20},
)
_NAME = re.compile(r"step-(\d{8,})")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after ``step`` steps."""

    step: int
    tensors: dict[str, NDArray[Any]]
    """Parameters, optimiser state and whatever else is large, bit for bit."""
    state: dict[str, Any]
    """The rest, as JSON has it."""
    fingerprint: dict[str, Any]
    """The fingerprint of the run that saved it."""
    path: Path


def name_of(step: int) -> str:
    """The folder's name."""
    return f"step-{step:08d}"


def step_of(path: Path) -> int | None:
    """The step in a folder's name; None if it is not a checkpoint's."""
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match and path.name == name_of(int(match[1])) else None


def encode(
    step: int,
    named: Mapping[str, NDArray[Any]],
    state: Mapping[str, Any],
    fingerprint: Mapping[str, Any],
) -> dict[str, bytes]:
    """The files of a checkpoint in the order of writing, the manifest last.

    Raises:
        ValueError: Something would not come back as it is.
    """
    contents = {
        TENSORS: tensors.to_bytes(named),
        STATE: as_json(state, "state"),
        FINGERPRINT: as_json(fingerprint, "fingerprint"),
    }
    return LAYOUT.seal(contents, named, {"step": step})


def write(path: Path, contents: Mapping[str, bytes]) -> None:
    """Publish a checkpoint at ``path``, whole or not at all.

    Raises:
        OSError: The system refused; nothing is left behind.
    """
    with new_folder(path) as write_file:
        for name, content in contents.items():
            write_file(name, content)


def read(path: Path) -> Checkpoint:
    """Read a checkpoint that is whole.

    Raises:
        FormatError: It is damaged or of another format; the message, which leaves the folder's
            path to the caller, says how.
    """
    step = step_of(path)
    if step is None:
        raise FormatError(f"{path.name}: expected a name as {name_of(1)}")
    _check_names(path)
    contents, named = LAYOUT.read(path, {"step": step})
    state, fingerprint = (
        json_file.parse_object(contents[name], name) for name in (STATE, FINGERPRINT)
    )
    return Checkpoint(step, named, state, fingerprint, path)


def as_json(content: Mapping[str, Any], what: str) -> bytes:
    """The bytes of a JSON file that will be read back as it is.

    Raises:
        ValueError: JSON has no form for something in it, or a like one only: a tuple, a key that is
            no string, a number that is not finite.
    """
    try:
        encoded = json_file.to_bytes(content)
        read_back = json_file.parse(encoded)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what}: expected what JSON can hold, got: {error}") from error
    altered = [key for key in content if key not in read_back or read_back[key] != content[key]]
    if altered:
        raise ValueError(
            f"{what}: expected what JSON gives back as it is, got {altered[0]!r} = "
            f"{content[altered[0]]!r}; use lists for tuples, and keys that are strings"
        )
    return encoded


def _check_names(path: Path) -> None:
    expected = sorted([*LAYOUT.most_bytes, MANIFEST])
    try:
        held = sorted(child.name for child in path.iterdir())
    except OSError as error:
        raise FormatError(f"{path.name}: expected to read it, got: {error.strerror}") from error
    if held != expected:
        raise FormatError(
            f"expected the files {', '.join(expected)}, got {', '.join(held) or 'none'}"
        )
