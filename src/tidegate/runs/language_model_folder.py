"""The folder of a language model, which a classifier can start from: settings, weights, vocabulary.

``config.json``, ``model.safetensors`` and ``vocabulary.json``, with their SHA-256 sums in
``manifest.json``; and ``README.md``, the card. Writing and reading need NumPy alone, and nothing in
it is code.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import FormatError
from tidegate.storage import carded_folder, json_file, regular, tensors
from tidegate.storage.sealed_folder import MANIFEST, MOST_MANIFEST_BYTES, Layout

CONFIG, TENSORS, VOCABULARY = "config.json", "model.safetensors", "vocabulary.json"
LAYOUT = Layout(
    format="tidegate.language-model/1",
    tensors=TENSORS,
    most_bytes={CONFIG: 1 << 20, TENSORS: 1 << 33, VOCABULARY: 1 << 28},
)
_OF_A_CLASSIFIER = "expected a folder that `tidegate pretrain` wrote, got that of a classifier"


@dataclass(frozen=True)
class LanguageModelFolder:
    """The content of the folder of a language model."""

    config: dict[str, Any]
    """``architecture``: the model's arguments."""
    tensors: dict[str, NDArray[np.float32]]
    """The parameters, under PyTorch's names."""
    vocabulary: dict[str, Any]
    card: str
    """The card in Markdown. People may edit it: it has no checksum."""

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
        carded_folder.write(path, LAYOUT, contents, self.tensors, self.card)


def load(path: Path, *, allow_nonfinite: bool = False) -> LanguageModelFolder:
    """Read the folder of a language model, and check that it is whole.

    Args:
        path: The folder.
        allow_nonfinite: Accept parameters that are NaN or infinite.

    Raises:
        FormatError: A file is missing, damaged, or of another format than this version's; or a
            parameter is not float32, or not finite.
    """
    others = {"preprocessor.json": _OF_A_CLASSIFIER}
    carded_folder.check_complete(path, LAYOUT, "the folder of a language model", others)
    with carded_folder.prefix_errors(path):
        contents, parameters, card = carded_folder.read(path, LAYOUT)
        tensors.check_values(parameters, TENSORS, allow_nonfinite=allow_nonfinite)
        config = json_file.parse_object(contents[CONFIG], CONFIG)
        json_file.check_format(config, LAYOUT.format, CONFIG)
        vocabulary = json_file.parse_object(contents[VOCABULARY], VOCABULARY)
    return LanguageModelFolder(config, parameters, vocabulary, card)


def digest(path: Path) -> str:
    """SHA-256 of the manifest, and so of everything that a classifier starts from.

    Raises:
        FormatError: The manifest is missing, or cannot be read.
    """
    try:
        content = regular.read(path / MANIFEST, MOST_MANIFEST_BYTES)
    except OSError as error:
        raise FormatError(
            f"{path / MANIFEST}: expected the sums of a language model, got: {error.strerror}"
        ) from error
    return hashlib.sha256(content).hexdigest()
