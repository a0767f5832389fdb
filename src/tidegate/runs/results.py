"""``results.json``: everything a comparison found, so that later questions need no new run.

The file is rewritten whole after every finished job, so a run that stops early leaves its
finished jobs. Times are in the unit their names end in; accuracies are shares between 0 and 1.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tidegate.storage import json_file
from tidegate.storage.atomic import write_text
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.errors import FormatError
from tidegate.training.history import Epoch

FORMAT = "tidegate.runs/3"
FILE_NAME = "results.json"


@dataclass(frozen=True)
class LayerSummary:
    """One line of a model's summary."""

    layer: str
    """For example ``embedding (Embedding)``."""
    output_shape: list[int | None]
    """None where the size is the batch's, or that of its sequences."""
    num_parameters: int

    @property
    def shape(self) -> str:
        """For a person: ``(batch, steps, 64)``."""
        rest = ["steps" if size is None else str(size) for size in self.output_shape[1:]]
        return f"({', '.join(['batch', *rest])})"


@dataclass(frozen=True)
class Evaluation:
    """One pass over the test part."""

    loss: float
    accuracy: float
    probabilities: list[float]
    """Of the positive class, one a test example, in the order of ``Results.test_labels``."""


@dataclass(frozen=True)
class Job:
    """One cell trained from one seed."""

    cell: str
    """``rnn``, ``lstm``, ``gru`` (reset after) or ``gru-before``."""
    seed: int
    path: str
    """What computed the recurrence, for example ``tidegate.nn, engine (avx2)``."""
    num_parameters: int
    summary: list[LayerSummary]
    history: list[Epoch]
    test: Evaluation
    training_s: float
    """Wall time of all training steps; validation, test and set-up excluded."""
    wall_s: float
    """Wall time of the whole job: the language model, where the run trains one for it, and all from
    making the model to its last prediction. Reading and numbering the texts
    (``Results.preparation_s``) and the linear model are apart. Of a resumed job, the last process
    alone."""
    num_tokens: int
    """Words read in training, over all epochs."""
    step_ms: float
    """Median wall time of a training step over all epochs."""
    inference_ms: float
    """Median wall time of a test batch."""
    model: str
    """The model's folder, relative to the run folder."""
    pretraining_s: float | None = None
    """Of ``wall_s``, what was the language model's; None where the job begins with none."""
    teacher: list[Epoch] | None = None
    """Of a network that learnt from texts without labels: the epochs of the one whose answers it
    learnt; ``history`` is its own."""
    combined: Evaluation | None = None
    """The network and the linear model together."""
    blend: dict[str, Any] | None = None
    """How they were put together, by the validation part."""


@dataclass(frozen=True)
class LinearModel:
    """The linear model beside the networks of a run."""

    name: str
    num_parameters: int
    test: Evaluation
    wall_s: float
    """Features, training and predictions."""
    validation_accuracy: float


@dataclass
class Results:
    """A whole comparison."""

    configuration: dict[str, Any]
    environment: dict[str, Any]
    data: dict[str, Any]
    test_labels: list[int]
    created: str
    """When the run began, ISO 8601 in UTC."""
    status: str = "running"
    """``running``, ``complete`` or ``interrupted``."""
    preparation_s: float = 0.0
    """Wall time of reading, splitting and numbering the texts."""
    linear: LinearModel | None = None
    jobs: list[Job] = field(default_factory=list)

    def save(self, run_folder: Path) -> None:
        """Write ``results.json`` into ``run_folder``, whole or not at all.

        Raises:
            RunFolderError: The system refused.
        """
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1, allow_nan=False)
        path = run_folder / FILE_NAME
        with as_run_folder_error(f"results {path}: expected to write them"):
            write_text(path, text + "\n")


def load(run_folder: Path) -> Results:
    """Read the ``results.json`` of a run folder.

    Raises:
        FormatError: The file is missing, is not JSON, or has another format than this version's.
    """
    path = run_folder / FILE_NAME
    try:
        content = json_file.read(path, FORMAT)
    except FileNotFoundError:
        raise FormatError(
            f"{run_folder}: expected a run folder with {FILE_NAME}, got none"
        ) from None
    try:
        content["jobs"] = [_job(job) for job in content["jobs"]]
        if content["linear"] is not None:
            test = Evaluation(**content["linear"]["test"])
            content["linear"] = LinearModel(**{**content["linear"], "test": test})
        return Results(**content)
    except (KeyError, TypeError) as error:
        raise FormatError(f"{path}: expected the fields of {FORMAT}, got {error}") from error


def _job(content: dict[str, Any]) -> Job:
    return Job(
        **{
            **content,
            "summary": [LayerSummary(**line) for line in content["summary"]],
            "history": [Epoch(**epoch) for epoch in content["history"]],
            "test": Evaluation(**content["test"]),
            "teacher": content["teacher"] and [Epoch(**epoch) for epoch in content["teacher"]],
            "combined": content["combined"] and Evaluation(**content["combined"]),
        }
    )
