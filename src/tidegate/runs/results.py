"""``results.json``: everything a comparison found, so that later questions need no new run.

The file is rewritten whole after every finished job, so a run that stops early leaves its
finished jobs. Times are in the unit their names end in; accuracies are shares between 0 and 1.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from tidegate.cells import CELLS
from tidegate.data.sources.source import Reference
from tidegate.errors import FormatError
from tidegate.storage import json_file, schema
from tidegate.storage.atomic import write_text
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.storage.schema import Between, NotEmpty, OneOf
from tidegate.training.history import Epoch

FORMAT = "tidegate.runs/3"
FILE_NAME = "results.json"
MEND = (
    "put back a copy of it; or remove it and go on with --resume, which takes the finished jobs "
    "from their own files"
)

Share = Annotated[float, Between(0, 1)]


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
    accuracy: Share
    probabilities: list[Share]
    """Of the positive class, one a test example, in the order of ``Results.test_labels``."""


@dataclass(frozen=True)
class Job:
    """One cell trained from one seed."""

    cell: Annotated[str, OneOf((*CELLS,))]
    """``rnn``, ``lstm``, ``gru`` (reset after) or ``gru-before``."""
    seed: int
    path: str
    """What computed the recurrence, for example ``tidegate.nn, engine (avx2)``."""
    num_parameters: int
    summary: list[LayerSummary]
    history: Annotated[list[Epoch], NotEmpty()]
    test: Evaluation
    training_s: Annotated[float, Between(1e-9)]
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
    status: Annotated[str, OneOf(("running", "complete", "interrupted"))] = "running"
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
        found: Results = schema.build(Results, content, f"{path}: ")
        check(found, f"{path}: ")
    except FileNotFoundError:
        raise FormatError(
            f"{run_folder}: expected a run folder with {FILE_NAME}, got none"
        ) from None
    except FormatError as error:
        raise FormatError(f"{error}; {MEND}") from error
    return found


@dataclass(frozen=True)
class _Configuration:
    """What is computed with of the configuration, whose other values are only shown."""

    cells: Annotated[list[Annotated[str, OneOf((*CELLS,))]], NotEmpty()]
    seeds: Annotated[list[int], NotEmpty()]
    reference: Reference | None
    changed: dict[str, Any] = field(default_factory=dict)


def check(results: Results, where: str) -> None:
    """Refuse a configuration that cannot be shown, and parts that do not fit to each other."""
    given, known = results.configuration, _Configuration.__dataclass_fields__
    used = {key: value for key, value in given.items() if key in known}
    configuration = schema.build(_Configuration, used, f"{where}configuration")
    if unknown := sorted(configuration.changed.keys() - given.keys()):
        raise FormatError(
            f"{where}configuration.changed: expected keys of the configuration, got "
            f"{', '.join(unknown)}"
        )
    for job in results.jobs:
        if job.blend is not None:
            weights = f"{where}blend.weights"
            found = schema.build(dict[str, float], job.blend.get("weights"), weights)
            schema.build(float, found.get("network"), f"{weights}.network")
    num_test = len(results.test_labels)
    tests = [job.test for job in results.jobs]
    tests += [job.combined for job in results.jobs if job.combined is not None]
    tests += [] if results.linear is None else [results.linear.test]
    for test in tests:
        if len(test.probabilities) != num_test:
            raise FormatError(
                f"{where}expected as many probabilities as test_labels, {num_test:,}, got "
                f"{len(test.probabilities):,}"
            )
