"""The model folder, version 2: everything that inference needs, and no code.

- ``config.json``: task and classes, architecture, and how the linear model is blended in;
- ``preprocessor.json``: what turns texts into arrays of ids, or series into arrays of numbers;
- ``model.safetensors``: the network's weights, under PyTorch's names;
- ``linear.safetensors``, where there is a linear model beside the network, on n-grams of texts or
  statistics of series;
- ``manifest.json``: sizes and SHA-256 sums of these; ``README.md``: the model card.

``docs/model-folder.md`` specifies the format. Writing and reading need NumPy alone.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data import preprocessing
from tidegate.data.columns import Columns
from tidegate.data.preprocessing import Preprocessor, TextPreprocessor
from tidegate.data.series.columns import SeriesColumns
from tidegate.errors import FormatError
from tidegate.evaluation.blend import Blend
from tidegate.inference.architecture import Architecture
from tidegate.inference.ngrams import NgramClassifier
from tidegate.inference.pooled import PooledModel
from tidegate.storage import carded_folder, json_file, tensors
from tidegate.storage.sealed_folder import Layout
from tidegate.task import Task

CONFIG, PREPROCESSOR = "config.json", "preprocessor.json"
TENSORS, LINEAR = "model.safetensors", "linear.safetensors"
FORMAT = "tidegate.model/2"
_MOST_BYTES = {CONFIG: 1 << 20, PREPROCESSOR: 1 << 28, TENSORS: 1 << 33}
LAYOUT = Layout(FORMAT, TENSORS, _MOST_BYTES)
LAYOUT_WITH_LINEAR = Layout(FORMAT, TENSORS, {**_MOST_BYTES, LINEAR: 1 << 33})
_VERSION_1 = (
    "expected a model folder of version 2, got one of version 1, which earlier versions of "
    "tidegate wrote; train the model again"
)


LinearModel = NgramClassifier | PooledModel


@dataclass(frozen=True)
class ModelFolder:
    """The content of a model folder."""

    task: Task
    preprocessor: Preprocessor
    architecture: Architecture
    tensors: dict[str, NDArray[np.float32]]
    """The network's weights, under PyTorch's names."""
    linear: LinearModel | None
    """The linear model beside the network, on a text's n-grams or on a series' statistics; None
    without one."""
    blend: Blend | None
    """Weights and temperatures of the blend of ``network`` and ``linear``; None without a linear
    model."""
    card: str
    """The model card in Markdown. People may edit it: it has no checksum."""
    columns: Columns | SeriesColumns | None = None
    """The columns of the user's own files that it was trained on; None for a built-in data set."""

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
        carded_folder.write(path, layout, contents, self.tensors, self.card)


def load(path: Path, *, allow_nonfinite: bool = False) -> ModelFolder:
    """Read a model folder, and check that it is whole. Nothing in it is run; sizes are bounded.

    Args:
        path: The folder.
        allow_nonfinite: Accept weights that are NaN or infinite.

    Raises:
        FormatError: A file is missing, damaged, or of another format than this version's.
    """
    layout = LAYOUT_WITH_LINEAR if os.path.lexists(path / LINEAR) else LAYOUT
    carded_folder.check_complete(path, layout, "a model folder", {"vocabulary.json": _VERSION_1})
    with carded_folder.prefix_errors(path):
        contents, parameters, card = carded_folder.read(path, layout)
        config = _config(contents[CONFIG])
        architecture = Architecture.from_json(config["architecture"])
        tensors.check_shapes(parameters, architecture.shapes(), TENSORS)
        tensors.check_values(parameters, TENSORS, allow_nonfinite=allow_nonfinite)
        blend, linear = config["blend"], None
        preprocessor = preprocessing.from_json(
            json_file.parse_object(contents[PREPROCESSOR], PREPROCESSOR)
        )
        is_text = isinstance(preprocessor, TextPreprocessor)
        columns: type[Columns | SeriesColumns] = Columns if is_text else SeriesColumns
        if LINEAR in contents:
            kind: type[LinearModel] = NgramClassifier if is_text else PooledModel
            linear = kind.from_arrays(tensors.from_bytes(contents[LINEAR], LINEAR))
        folder = ModelFolder(
            Task.from_json(config["task"]),
            preprocessor,
            architecture,
            parameters,
            linear,
            None if blend is None else Blend.from_json(blend),
            card,
            None if config.get("columns") is None else columns.from_json(config["columns"]),
        )
        _check_parts(folder)
    return folder


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
    """Refuse a folder whose files are valid, but do not fit each other."""
    shape, preprocessor, linear = folder.architecture, folder.preprocessor, folder.linear
    counts = {
        "outputs": (folder.task.num_outputs, shape.num_outputs),
        "linear models in the blend": (int(linear is not None), int(folder.blend is not None)),
    }
    if isinstance(preprocessor, TextPreprocessor):
        has_words = preprocessor.full_vocabulary is not None
        pairs = 0 if preprocessor.bigrams is None else len(preprocessor.bigrams)
        counts |= {
            "ids": (len(preprocessor.vocabulary), shape.vocabulary_size),
            "ids of pairs": (pairs, shape.bigram_vocabulary_size),
            "vocabularies of the linear model": (int(linear is not None), int(has_words)),
        }
    else:
        counts["numbers at every step"] = (preprocessor.input_size, shape.input_size)
        if isinstance(linear, PooledModel):
            counts["numbers of the linear model"] = (preprocessor.input_size, linear.input_size)
    if linear is not None:
        counts["logits of the linear model"] = (folder.task.num_outputs, len(linear.intercepts))
    for what, (expected, got) in counts.items():
        if expected != got:
            raise FormatError(f"{CONFIG}: expected {expected} {what}, got {got}")
    if folder.blend is not None and {*folder.blend.weights} != {"network", "linear"}:
        raise FormatError(
            f"{CONFIG}: expected a blend of network and linear, got {sorted(folder.blend.weights)}"
        )
