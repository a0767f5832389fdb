"""The model folder, version 2: all that an answer needs, and nothing that is code.

- ``config.json``: task and classes, architecture, and how the linear model is blended in;
- ``preprocessor.json``: what turns a row into arrays;
- ``model.safetensors``: the network's weights, under PyTorch's names;
- ``linear.safetensors``, where there is a linear model beside the network;
- ``manifest.json``: sizes and sums of these; ``README.md``: the card, for a person.

``docs/model-folder.md`` has the format. Written and read with NumPy alone.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data import preprocessing
from tidegate.data.columns import Columns
from tidegate.data.preprocessing import TextPreprocessor
from tidegate.errors import FormatError
from tidegate.evaluation.blend import Blend
from tidegate.inference.architecture import Architecture
from tidegate.inference.ngrams import NgramClassifier
from tidegate.storage import json_file, regular, tensors
from tidegate.storage.atomic import new_folder
from tidegate.storage.sealed_folder import MANIFEST, Layout
from tidegate.task import Task

CONFIG, PREPROCESSOR, TENSORS, LINEAR, CARD = (
    "config.json",
    "preprocessor.json",
    "model.safetensors",
    "linear.safetensors",
    "README.md",
)
FORMAT = "tidegate.model/2"
MOST_CARD_BYTES = 1 << 20
_MOST_BYTES = {CONFIG: 1 << 20, PREPROCESSOR: 1 << 28, TENSORS: 1 << 33}
LAYOUT = Layout(FORMAT, TENSORS, _MOST_BYTES)
LAYOUT_WITH_LINEAR = Layout(FORMAT, TENSORS, {**_MOST_BYTES, LINEAR: 1 << 33})


@dataclass(frozen=True)
class ModelFolder:
    """What a model folder holds."""

    task: Task
    preprocessor: TextPreprocessor
    architecture: Architecture
    tensors: dict[str, NDArray[np.float32]]
    """The network's weights, under PyTorch's names."""
    linear: NgramClassifier | None
    """The linear model beside the network."""
    blend: Blend | None
    """How ``network`` and ``linear`` are put together, where there is a linear model."""
    card: str
    """For a person to read, in Markdown, and to add to: it has no sum."""
    columns: Columns | None = None
    """The columns of the user's files that it was trained on."""

    def save(self, path: Path) -> None:
        """Write the folder, whole or not at all.

        Raises:
            FileExistsError: Something is at ``path`` already.
        """
        config = {
            "format": FORMAT,
            "task": self.task.to_json(),
            "architecture": self.architecture.to_json(),
            "blend": None if self.blend is None else self.blend.to_json(),
            "columns": None if self.columns is None else self.columns.to_json(),
        }
        contents = {
            CONFIG: json_file.to_bytes(config),
            PREPROCESSOR: json_file.to_bytes(self.preprocessor.to_json(), indent=None),
            TENSORS: tensors.to_bytes(self.tensors),
        }
        layout = LAYOUT
        if self.linear is not None:
            layout = LAYOUT_WITH_LINEAR
            contents[LINEAR] = tensors.to_bytes(self.linear.to_arrays())
        sealed = layout.seal(contents, self.tensors)
        with new_folder(path) as write:
            for name, content in {CARD: self.card.encode(), **sealed}.items():
                write(name, content)


def load(path: Path, *, allow_nonfinite: bool = False) -> ModelFolder:
    """Read a model folder that is whole. Nothing in it is run, and sizes are bounded.

    Args:
        path: The folder.
        allow_nonfinite: Accept weights that are NaN or infinite.

    Raises:
        FormatError: A file is missing, damaged, or of another format than this version's.
    """
    layout = LAYOUT_WITH_LINEAR if os.path.lexists(path / LINEAR) else LAYOUT
    _check_there(path, (*layout.most_bytes, MANIFEST, CARD))
    try:
        contents, parameters = layout.read(path)
        config = _config(contents[CONFIG])
        architecture = Architecture.from_json(config["architecture"])
        tensors.check_shapes(parameters, architecture.shapes(), TENSORS)
        tensors.check_values(parameters, TENSORS, allow_nonfinite=allow_nonfinite)
        blend, linear = config["blend"], None
        if LINEAR in contents:
            linear = NgramClassifier.from_arrays(tensors.from_bytes(contents[LINEAR], LINEAR))
        folder = ModelFolder(
            Task.from_json(config["task"]),
            preprocessing.from_json(json_file.parse_object(contents[PREPROCESSOR], PREPROCESSOR)),
            architecture,
            parameters,
            linear,
            None if blend is None else Blend.from_json(blend),
            regular.read(path / CARD, MOST_CARD_BYTES).decode("utf-8", errors="replace"),
            None if config.get("columns") is None else Columns.from_json(config["columns"]),
        )
        _check_parts(folder)
    except FormatError as error:
        raise FormatError(f"{path}/{error}") from error
    except OSError as error:
        raise FormatError(f"{path / CARD}: expected to read it, got: {error.strerror}") from error
    return folder


def _check_there(path: Path, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not os.path.lexists(path / name)]
    if not missing:
        return
    if os.path.lexists(path / "vocabulary.json"):
        raise FormatError(
            f"{path}: expected a model folder of version 2, got one of version 1, which earlier "
            "versions of tidegate wrote; train the model again"
        )
    raise FormatError(
        f"{path}: expected a model folder with {', '.join(names)}, got one without "
        f"{', '.join(missing)}; copy it whole, or train the model again"
    )


def _config(content: bytes) -> dict[str, Any]:
    config = json_file.parse_object(content, CONFIG)
    json_file.check_format(config, FORMAT, CONFIG)
    if {*config} - {"columns"} != {"task", "architecture", "blend"}:
        raise FormatError(
            f"{CONFIG}: expected task, architecture, blend and columns, got {sorted(config)}"
        )
    for key, value in config.items():
        if not (isinstance(value, dict) or (key in ("blend", "columns") and value is None)):
            raise FormatError(f"{CONFIG}: expected {key} as an object, got {str(value)[:40]}")
    return config


def _check_parts(folder: ModelFolder) -> None:
    """Refuse parts that are whole by themselves and do not fit each other."""
    shape, preprocessor, linear = folder.architecture, folder.preprocessor, folder.linear
    has_blend, has_words = folder.blend is not None, preprocessor.full_vocabulary is not None
    pairs = 0 if preprocessor.bigrams is None else len(preprocessor.bigrams)
    found = {
        "outputs": (folder.task.num_outputs, shape.num_outputs),
        "ids": (len(preprocessor.vocabulary), shape.vocabulary_size),
        "ids of pairs": (pairs, shape.bigram_vocabulary_size),
        "linear models in the blend": (int(linear is not None), int(has_blend)),
        "vocabularies of the linear model": (int(linear is not None), int(has_words)),
    }
    if linear is not None:
        found["logits of the linear model"] = (folder.task.num_outputs, len(linear.intercepts))
    for what, (expected, got) in found.items():
        if expected != got:
            raise FormatError(f"{CONFIG}: expected {expected} {what}, got {got}")
    if folder.blend is not None and {*folder.blend.weights} != {"network", "linear"}:
        raise FormatError(
            f"{CONFIG}: expected a blend of network and linear, got {sorted(folder.blend.weights)}"
        )
