"""Folders of a few files with a seal: ``manifest.json`` has the sizes and sums of the others.

A folder is whole if its manifest is, byte for byte, the one its other files give. Sums tell of
damage, not of malice: whoever writes a folder writes its sums. What is read is therefore bounded
too: a size for each file, the depth of JSON, and no links, pipes or devices.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tidegate.errors import FormatError
from tidegate.storage import json_file, regular, tensors

MANIFEST = "manifest.json"
MOST_MANIFEST_BYTES = 1 << 24


@dataclass(frozen=True)
class Layout:
    """The files of one kind of folder."""

    format: str
    """Its name and version."""
    tensors: str
    """The file with the tensors, in the form of safetensors."""
    most_bytes: Mapping[str, int]
    """The names of all sealed files, with the bytes that each may have."""

    def seal(
        self,
        contents: Mapping[str, bytes],
        named: Mapping[str, NDArray[Any]],
        facts: Mapping[str, Any] | None = None,
    ) -> dict[str, bytes]:
        """The files in the order of writing, the manifest last.

        Args:
            contents: The sealed files.
            named: The tensors among them.
            facts: What else the manifest says.
        """
        record = {
            "format": self.format,
            **(facts or {}),
            "files": {name: _sums(content) for name, content in contents.items()},
            "tensors": {
                name: f"{named[name].dtype.name} {list(named[name].shape)}"
                for name in sorted(named)
            },
        }
        return {**contents, MANIFEST: json_file.to_bytes(record)}

    def read(
        self, path: Path, facts: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, bytes], dict[str, NDArray[Any]]]:
        """The sealed files and the tensors of a folder that is whole.

        Args:
            path: The folder.
            facts: What else its manifest has to say.

        Raises:
            FormatError: It is damaged or of another format; the message, which leaves the folder's
                path to the caller, says how.
        """
        manifest = _read(path, MANIFEST, MOST_MANIFEST_BYTES)
        contents = {name: _read(path, name, most) for name, most in self.most_bytes.items()}
        self._check_sums(manifest, contents)
        named = tensors.from_bytes(contents[self.tensors], self.tensors)
        if manifest != self.seal(contents, named, facts)[MANIFEST]:
            raise FormatError(
                f"{MANIFEST}: expected that of {path.name} and its files, got another"
            )
        return contents, named

    def _check_sums(self, manifest: bytes, contents: Mapping[str, bytes]) -> None:
        record = json_file.parse_object(manifest, MANIFEST)
        json_file.check_format(record, self.format, MANIFEST)
        try:
            pairs = [
                (f"{name}: expected {key} {sum_}, got {value}", sum_ == value)
                for name, content in contents.items()
                for key, value in _sums(content).items()
                for sum_ in [record["files"][name][key]]
            ]
        except (KeyError, TypeError) as error:
            raise FormatError(f"{MANIFEST}: expected a manifest, got {error!r}") from error
        for message, is_equal in pairs:
            if not is_equal:
                raise FormatError(message)


def _read(path: Path, name: str, most_bytes: int) -> bytes:
    try:
        return regular.read(path / name, most_bytes)
    except OSError as error:
        raise FormatError(f"{name}: expected to read it, got: {error.strerror}") from error


def _sums(content: bytes) -> dict[str, int | str]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
