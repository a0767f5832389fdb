"""The model folder: a trained model as ``config.json``, ``model.safetensors``, ``vocabulary.json``
and ``README.md``. Written and read with NumPy alone; nothing in it is code.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import FormatError
from tidegate.storage import json_file, tensors
from tidegate.storage.atomic import new_folder

FORMAT = "tidegate.model/1"
CONFIG, TENSORS, VOCABULARY, CARD = (
    "config.json",
    "model.safetensors",
    "vocabulary.json",
    "README.md",
)


@dataclass(frozen=True)
class ModelFolder:
    """What a model folder holds."""

    config: dict[str, Any]
    """``architecture`` (the model's arguments) and ``preprocessing``."""
    tensors: dict[str, NDArray[np.float32]]
    """The parameters, under PyTorch's names."""
    vocabulary: dict[str, Any]
    card: str
    """For a person to read, in Markdown."""

    def save(self, path: Path) -> None:
        """Write the folder, whole or not at all.

        Raises:
            FileExistsError: Something is at ``path`` already.
        """
        with new_folder(path) as write:
            write(CONFIG, json_file.to_bytes({"format": FORMAT, **self.config}))
            write(TENSORS, tensors.to_bytes(self.tensors))
            write(VOCABULARY, json_file.to_bytes(self.vocabulary))
            write(CARD, self.card.encode())


def load(path: Path) -> ModelFolder:
    """Read a model folder.

    Raises:
        FormatError: A file is missing, damaged, or of another format than this version's.
    """
    config = _read_json(path / CONFIG)
    found = config.pop("format", None)
    if found != FORMAT:
        raise FormatError(f"{path / CONFIG}: expected format {FORMAT!r}, got {found!r}")
    parameters = tensors.from_bytes(_read(path / TENSORS), path / TENSORS)
    card = _read(path / CARD).decode("utf-8", errors="replace")
    return ModelFolder(config, parameters, _read_json(path / VOCABULARY), card)


def _read_json(path: Path) -> dict[str, Any]:
    data = _read(path)
    try:
        content = json.loads(data)
    except ValueError as error:
        raise FormatError(f"{path}: expected JSON, got {error}") from error
    if not isinstance(content, dict):
        raise FormatError(f"{path}: expected a JSON object, got a {type(content).__name__}")
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FormatError(
            f"{path.parent}: expected a model folder with {CONFIG}, {TENSORS}, {VOCABULARY} and "
            f"{CARD}, but {path.name} cannot be read: {error.strerror}"
        ) from error
