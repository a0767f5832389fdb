"""``results.json`` and ``predictions.npz``: everything a run found, so that later questions need no
new run. ``docs/results.md`` describes both.

The files are rewritten whole after every finished job, so a run that stops early leaves its
finished jobs. Times are in the unit their names end in; shares are between 0 and 1.
"""

import itertools
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.cells import CELLS
from tidegate.data.sources.source import Reference
from tidegate.errors import FormatError
from tidegate.runs.model_results import (
    BaselineModel,
    BlendModel,
    Finished,
    Job,
    LayerSummary,
    LinearModel,
    MajorityModel,
    Metrics,
    Model,
)
from tidegate.storage import arrays, json_file, regular, schema
from tidegate.storage.atomic import write_bytes
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.storage.schema import Between, NotEmpty, OneOf
from tidegate.task import METRICS, Task
from tidegate.training.history import Epoch

__all__ = [
    "BaselineModel",
    "BlendModel",
    "Finished",
    "Job",
    "LayerSummary",
    "LinearModel",
    "MajorityModel",
    "Metrics",
    "Model",
    "Results",
    "check",
    "load",
]

FORMAT = "tidegate.results/3"
EARLIER = ("tidegate.comparison/", "tidegate.results/", "tidegate.runs/")
"""How the formats of earlier versions begin."""
FILE_NAME = "results.json"
PREDICTIONS = "predictions.npz"
TARGETS = "targets"
"""The array of the right answers in ``predictions.npz``; each other has the name of a model."""
MOST_BYTES = 1 << 30
"""The largest predictions read: 1,000 models of 25,000 texts with two classes have 400 MB."""
MEND = (
    "put back a copy of it; or remove it and go on with --resume, which takes the finished jobs "
    "from their own files"
)


@dataclass(kw_only=True)
class Record:
    """The content of ``results.json``."""

    task: Task
    configuration: dict[str, Any]
    environment: dict[str, Any]
    data: dict[str, Any]
    num_targets: Annotated[int, Between(0)]
    """Examples of the test part."""
    created: str
    """When the run began, ISO 8601 in UTC."""
    status: Annotated[str, OneOf(("running", "complete", "interrupted"))] = "running"
    preparation_s: float = 0.0
    """Wall time of reading, splitting and numbering the texts."""
    models: list[Model] = field(default_factory=list)


@dataclass(kw_only=True)
class Results(Record):
    """A whole run."""

    targets: NDArray[Any]
    """The right answers of the test part, as :class:`~tidegate.task.Task` describes."""
    predictions: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """By a model's name: probabilities of all classes, or a regression's numbers, (N, classes)."""

    @property
    def jobs(self) -> list[Job]:
        """The networks, in the order in which they were finished."""
        return [model for model in self.models if isinstance(model, Job)]

    @property
    def linear(self) -> LinearModel | None:
        """The linear model, if there is one."""
        return next((model for model in self.models if isinstance(model, LinearModel)), None)

    @property
    def majority(self) -> MajorityModel | None:
        """The constant answer, if it is measured already."""
        return next((model for model in self.models if isinstance(model, MajorityModel)), None)

    @property
    def baselines(self) -> list[BaselineModel]:
        """The forecasts without a network, where series are forecast."""
        return [model for model in self.models if isinstance(model, BaselineModel)]

    def blend_of(self, job: Job) -> BlendModel | None:
        """A network and the linear model together, if there is one."""
        blends = (model for model in self.models if isinstance(model, BlendModel))
        return next((blend for blend in blends if blend.network == job.name), None)

    def add(self, model: Model, predictions: NDArray[np.float64]) -> None:
        """Add a model, in the place of one of the same name, with its predictions."""
        places = {other.name: place for place, other in enumerate(self.models)}
        place = places.get(model.name, len(self.models))
        self.models[place : place + 1] = [model]
        self.predictions[model.name] = predictions

    def remove_networks(self) -> None:
        """Remove the networks and, with them, their blends."""
        self.models = [one for one in self.models if not isinstance(one, Job | BlendModel)]
        self.predictions = {one.name: self.predictions[one.name] for one in self.models}

    def save(self, run_folder: Path) -> None:
        """Write both files into ``run_folder``, each whole or not at all.

        The predictions come first: a run that is killed in between leaves predictions of models
        that the results do not have yet, which :func:`load` passes over.

        Raises:
            RunFolderError: The system refused.
        """
        record = {one.name: getattr(self, one.name) for one in fields(Record)}
        content = {"format": FORMAT, **asdict(Record(**record)), "task": self.task.to_json()}
        text = json.dumps(content, indent=1, allow_nan=False)
        predictions = arrays.to_bytes({TARGETS: self.targets, **self.predictions})
        for name, bytes_ in ((PREDICTIONS, predictions), (FILE_NAME, f"{text}\n".encode())):
            with as_run_folder_error(f"results {run_folder / name}: expected to write them"):
                write_bytes(run_folder / name, bytes_)


def load(run_folder: Path) -> Results:
    """Read the ``results.json`` and ``predictions.npz`` of a run folder.

    Raises:
        FormatError: A file is missing, not in its format, or has another version than this one's;
            or the two do not fit each other.
    """
    path = run_folder / FILE_NAME
    try:
        content = json_file.read(path, FORMAT, earlier=EARLIER)
        record: Record = schema.build(Record, content, f"{path}: ")
        _check(record, f"{path}: ")
    except FileNotFoundError:
        raise FormatError(
            f"{run_folder}: expected a run folder with {FILE_NAME}, got none"
        ) from None
    except FormatError as error:
        raise FormatError(f"{error}; {MEND}") from error
    predictions = _read_predictions(run_folder / PREDICTIONS)
    try:
        _check_predictions(record, predictions)
    except ValueError as error:
        raise FormatError(
            f"{run_folder / PREDICTIONS}: expected what {FILE_NAME} has, got another: {error}; "
            f"{_MEND_PREDICTIONS}"
        ) from error
    parts = {one.name: getattr(record, one.name) for one in fields(Record)}
    names = [model.name for model in record.models]
    return Results(
        **parts,
        targets=predictions[TARGETS],
        predictions={name: predictions[name] for name in names},
    )


def check(results: Results, where: str) -> None:
    """Refuse what :func:`load` would refuse of the same content.

    Raises:
        FormatError: The first part that does not fit to the others.
    """
    _check(results, where)
    try:
        _check_predictions(results, {TARGETS: results.targets, **results.predictions})
    except ValueError as error:
        raise FormatError(
            f"{where}predictions: expected what the models have, got another: {error}"
        ) from error


_MEND_PREDICTIONS = (
    f"put back a copy of it; or remove {FILE_NAME} and go on with --resume, which takes the "
    "finished jobs from their own files"
)


def _read_predictions(path: Path) -> dict[str, NDArray[Any]]:
    try:
        return arrays.from_bytes(regular.read(path, MOST_BYTES), path)
    except FileNotFoundError:
        raise FormatError(
            f"{path}: expected the predictions of {FILE_NAME}, got none; {_MEND_PREDICTIONS}"
        ) from None
    except OSError as error:
        raise FormatError(
            f"{path}: expected a readable file, got {error.strerror}; {_MEND_PREDICTIONS}"
        ) from error
    except FormatError as error:
        raise FormatError(f"{error}; {_MEND_PREDICTIONS}") from error


def _check_predictions(record: Record, predictions: dict[str, NDArray[Any]]) -> None:
    """Refuse arrays that are not of the task and the models.

    Raises:
        ValueError: The first that is missing, of another shape or dtype, or out of its range.
    """
    missing = [
        name for name in (TARGETS, *(m.name for m in record.models)) if name not in predictions
    ]
    if missing:
        raise ValueError(f"no array {missing[0]}")
    targets, width = predictions[TARGETS], len(record.task.classes)
    if record.task.kind == "forecast":
        width = record.task.num_outputs
    shape = (record.num_targets, width)
    if len(targets.shape) == 0 or len(targets) != record.num_targets:
        raise ValueError(f"targets of shape {targets.shape}, where N is {record.num_targets:,}")
    record.task.check_targets(targets)
    for model in record.models:
        one = predictions[model.name]
        if one.dtype != np.float64 or one.shape != shape:
            raise ValueError(f"{model.name} of {one.dtype} and shape {one.shape}, not {shape}")
        is_inside = (one >= 0) & (one <= 1) if record.task.is_classification else np.isfinite(one)
        if not is_inside.all():
            expected = "from 0 to 1" if record.task.is_classification else "that are finite"
            raise ValueError(f"{model.name} with other predictions than those {expected}")


@dataclass(frozen=True)
class _Configuration:
    """The values of the configuration that are computed with; the others are only shown."""

    cells: Annotated[list[Annotated[str, OneOf((*CELLS,))]], NotEmpty()]
    seeds: Annotated[list[int], NotEmpty()]
    reference: Reference | None
    changed: dict[str, Any] = field(default_factory=dict)
    adapted: dict[str, str] = field(default_factory=dict)


def _check(record: Record, where: str) -> None:
    """Refuse a configuration that cannot be shown, and models that do not fit to each other."""
    given, known = record.configuration, _Configuration.__dataclass_fields__
    used = {key: value for key, value in given.items() if key in known}
    configuration = schema.build(_Configuration, used, f"{where}configuration")
    if unknown := sorted(configuration.changed.keys() - given.keys()):
        raise FormatError(
            f"{where}configuration.changed: expected keys of the configuration, got "
            f"{', '.join(unknown)}"
        )
    names = [model.name for model in record.models]
    if len({*names, TARGETS}) <= len(names):
        raise FormatError(f"{where}models: expected distinct names but {TARGETS}, got {names}")
    main, networks = record.task.main_metric.name, {m.name for m in record.models if type(m) is Job}
    for number, model in enumerate(record.models):
        place = f"{where}models[{number}]"
        for name in (main, "loss"):
            schema.build(float, model.metrics.get(name), f"{place}.metrics.{name}")
        if unknown := sorted(model.metrics.keys() - METRICS.keys()):
            raise FormatError(f"{place}.metrics: expected {', '.join(METRICS)}, got {unknown[0]}")
        if isinstance(model, BlendModel):
            schema.build(
                float, model.blend.weights.get("network"), f"{place}.blend.weights.network"
            )
            if model.network not in networks:
                raise FormatError(f"{place}.network: expected a network, got {model.network!r}")
        if isinstance(model, Job):
            metrics = {epoch.metric for epoch in _epochs(model)}
            if metrics != {main}:
                raise FormatError(f"{place}.history: expected the metric {main}, got {metrics}")


def _epochs(job: Job) -> list[Epoch]:
    """All epochs of a job: of its teacher and its student, or of every network of its ensemble."""
    return [*job.history, *(job.teacher or []), *itertools.chain(*(job.others or []))]
