"""The folder of a language model: ``config.json``, ``model.safetensors``, ``vocabulary.json``
and ``README.md``, with the sums of the first three in ``manifest.json``. Written and read with
NumPy alone; nothing in it is code.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import FormatError
from tidegate.storage import json_file, regular, tensors
from tidegate.storage.atomic import new_folder
from tidegate.storage.sealed_folder import MANIFEST, Layout

CONFIG, TENSORS, VOCABULARY, CARD = (
    "config.json",
    "model.safetensors",
    "vocabulary.json",
    "README.md",
)
LAYOUT = Layout(
    format="tidegate.language-model/1",
    tensors=TENSORS,
    most_bytes={CONFIG: 1 << 20, TENSORS: 1 << 33, VOCABULARY: 1 << 28},
)
MOST_CARD_BYTES = 1 << 20


@dataclass(frozen=True)
class LanguageModelFolder:
    """The content of the folder of a language model."""

    config: dict[str, Any]
    """``architecture``: the model's arguments."""
    tensors: dict[str, NDArray[np.float32]]
    """The parameters, under PyTorch's names."""
    vocabulary: dict[str, Any]
    card: str
    """For a person to read, in Markdown, and to add to: it has no sum."""

    def save(self, path: Path) -> None:
        """Write the folder, whole or not at all.

        Raises:
            FileExistsError: Something is at ``path`` already.
        """
        contents = {
            CONFIG: json_file.to_bytes({"format": LAYOUT.format, **self.config}),
            TENSORS: tensors.to_bytes(self.tensors),
            VOCABULARY: json_file.to_bytes(self.vocabulary),
        }
        sealed = LAYOUT.seal(contents, self.tensors)
        with new_folder(path) as write:
            for name, content in {CARD: self.card.encode(), **sealed}.items():
                write(name, content)


def load(path: Path, *, allow_nonfinite: bool = False) -> LanguageModelFolder:
    """Read the folder of a language model that is whole.

    Args:
        path: The folder.
        allow_nonfinite: Accept parameters that are NaN or infinite.

    Raises:
        FormatError: A file is missing, damaged, or of another format than this version's; or a
            parameter is not float32, or not finite.
    """
    names = (*LAYOUT.most_bytes, MANIFEST, CARD)
    missing = [name for name in names if not os.path.lexists(path / name)]
    if missing and os.path.lexists(path / "preprocessor.json"):
        raise FormatError(
            f"{path}: expected a folder that `tidegate pretrain` wrote, got that of a classifier"
        )
    if missing:
        raise FormatError(
            f"{path}: expected the folder of a language model with {', '.join(names)}, "
            f"got one without {', '.join(missing)}; copy it whole, or train the model again"
        )
    try:
        contents, parameters = LAYOUT.read(path)
        tensors.check_values(parameters, TENSORS, allow_nonfinite=allow_nonfinite)
        config = json_file.parse_object(contents[CONFIG], CONFIG)
        json_file.check_format(config, LAYOUT.format, CONFIG)
        vocabulary = json_file.parse_object(contents[VOCABULARY], VOCABULARY)
        card = regular.read(path / CARD, MOST_CARD_BYTES).decode("utf-8", errors="replace")
    except FormatError as error:
        raise FormatError(f"{path}/{error}") from error
    except OSError as error:
        raise FormatError(f"{path / CARD}: expected to read it, got: {error.strerror}") from error
    return LanguageModelFolder(config, parameters, vocabulary, card)


def digest(path: Path) -> str:
    """SHA-256 of a folder's manifest, which has the sums of all that a network begins with.

    Raises:
        FormatError: The manifest is missing, or cannot be read.
    """
    try:
        content = regular.read(path / MANIFEST, 1 << 24)
    except OSError as error:
        raise FormatError(
            f"{path / MANIFEST}: expected the sums of a language model, got: {error.strerror}"
        ) from error
    return hashlib.sha256(content).hexdigest()
