"""One checkpoint: a folder with ``tensors.safetensors``, ``state.json``, ``fingerprint.json`` and
``manifest.json``, which has the sizes and sums of the others.

A checkpoint is whole if its manifest is, byte for byte, the one its other files give.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tidegate.errors import FormatError
from tidegate.storage import json_file, tensors
from tidegate.storage.atomic import new_folder

FORMAT = "tidegate.checkpoint/1"
TENSORS, STATE, FINGERPRINT, MANIFEST = (
    "tensors.safetensors",
    "state.json",
    "fingerprint.json",
    "manifest.json",
)
_NAME = re.compile(r"step-(\d{8,})")


@dataclass(frozen=True)
class Checkpoint:
    """What a run is after ``step`` steps."""

    step: int
    tensors: dict[str, NDArray[Any]]
    """Parameters, optimiser state and whatever else is large, bit for bit."""
    state: dict[str, Any]
    """The rest, as JSON has it."""
    fingerprint: dict[str, Any]
    """Of the run that saved it."""
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
    return {**contents, MANIFEST: _manifest(step, contents, named)}


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
    contents = _read_files(path)
    manifest = contents.pop(MANIFEST)
    _check_sums(manifest, contents)
    step = step_of(path)
    named = tensors.from_bytes(contents[TENSORS], TENSORS)
    if step is None or manifest != _manifest(step, contents, named):
        raise FormatError(f"{MANIFEST}: expected that of {path.name} and its files, got another")
    state, fingerprint = (json.loads(contents[name]) for name in (STATE, FINGERPRINT))
    return Checkpoint(step, named, state, fingerprint, path)


def as_json(content: Mapping[str, Any], what: str) -> bytes:
    """The bytes of a JSON file that will be read back as it is.

    Raises:
        ValueError: JSON has no form for something in it, or a like one only: a tuple, a key that is
            no string, a number that is not finite.
    """
    try:
        encoded = json_file.to_bytes(content)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what}: expected what JSON can hold, got: {error}") from error
    found = json.loads(encoded)
    altered = [key for key in content if key not in found or found[key] != content[key]]
    if altered:
        raise ValueError(
            f"{what}: expected what JSON gives back as it is, got {altered[0]!r} = "
            f"{content[altered[0]]!r}; use lists for tuples, and keys that are strings"
        )
    return encoded


def _read_files(path: Path) -> dict[str, bytes]:
    expected = [TENSORS, STATE, FINGERPRINT, MANIFEST]
    try:
        held = sorted(child.name for child in path.iterdir())
        if held != sorted(expected):
            raise FormatError(
                f"expected the files {', '.join(sorted(expected))}, got {', '.join(held) or 'none'}"
            )
        return {name: (path / name).read_bytes() for name in expected}
    except OSError as error:
        where = Path(error.filename).name if error.filename else path.name
        raise FormatError(f"{where}: expected to read it, got: {error.strerror}") from error


def _check_sums(manifest: bytes, contents: Mapping[str, bytes]) -> None:
    try:
        recorded = json.loads(manifest)
        found, sums = recorded["format"], recorded["files"]
        pairs = [
            (f"{name}: expected {key} {sums[name][key]}, got {value}", sums[name][key] == value)
            for name, content in contents.items()
            for key, value in _sums(content).items()
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{MANIFEST}: expected a manifest, got {error!r}") from error
    if found != FORMAT:
        raise FormatError(f"{MANIFEST}: expected format {FORMAT!r}, got {found!r}")
    for message, is_equal in pairs:
        if not is_equal:
            raise FormatError(message)


def _manifest(step: int, contents: Mapping[str, bytes], named: Mapping[str, NDArray[Any]]) -> bytes:
    return json_file.to_bytes(
        {
            "format": FORMAT,
            "step": step,
            "files": {name: _sums(content) for name, content in contents.items()},
            "tensors": {
                name: f"{named[name].dtype.name} {list(named[name].shape)}"
                for name in sorted(named)
            },
        }
    )


def _sums(content: bytes) -> dict[str, int | str]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
