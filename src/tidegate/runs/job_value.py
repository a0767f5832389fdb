"""A job as a value: everything that its result depends on; and the files of its result."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.prepared import PreparedData
from tidegate.errors import FormatError, RunFolderError
from tidegate.runs import language_model_folder
from tidegate.runs.experiment import Experiment
from tidegate.runs.results import MOST_BYTES, BlendModel, Finished
from tidegate.runs.results import Job as JobResult
from tidegate.runs.run_folder import MODELS, PRETRAINING, TRAINING, name_of
from tidegate.storage import arrays, json_file, regular, schema
from tidegate.storage.atomic import write_bytes
from tidegate.storage.fingerprint import differences
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.training.recipe import Recipe

FORMAT = "tidegate.job/1"
MEND = "put back a copy of it; or remove it and go on with --resume, which trains the job again"


@dataclass(frozen=True)
class Job:
    """One cell to be trained from one seed.

    Equal jobs have results of the same bits, on the same versions and instruction set.
    """

    recipe: Recipe
    cell: str
    seed: int
    limit: int | None
    """Use only so many training examples."""
    data: str | None
    """SHA-256 of the texts and labels; None for a language model alone."""
    preprocessor: str | None
    """SHA-256 of what makes ids of the texts."""
    threads: int
    init_from: str | None = None
    """The model folder of a language model that was trained before."""
    init_from_digest: str | None = None
    """SHA-256 of what is in that folder."""
    unlabelled: str | None = None
    """The path of texts without labels, for the card."""
    checkpoint_every: int = 200
    """Steps between two checkpoints; nothing depends on it."""

    @property
    def name(self) -> str:
        """The name of the job's folders."""
        return name_of(self.cell, self.seed)

    @property
    def model(self) -> str:
        """The folder of its model, relative to the run folder."""
        return f"{MODELS}/{self.name}"

    @property
    def blend(self) -> str:
        """The name of the network and the linear model together."""
        return f"{self.name}+linear"

    @property
    def training(self) -> str:
        """The folder of its step log and, until it is done, its checkpoints."""
        return f"{TRAINING}/{self.name}"

    @property
    def pretraining(self) -> str:
        """The folder of its language model."""
        return f"{PRETRAINING}/{self.name}"

    def identity(self) -> dict[str, Any]:
        """All that the result depends on, except what only changes its rounding (threads, versions,
        instruction set)."""
        return {
            "configuration": {
                **self.recipe.configuration(),
                "cell": self.cell,
                "seed": self.seed,
                "limit": self.limit,
                "init_from": self.init_from_digest,
            },
            "data": self.data,
            "preprocessor": self.preprocessor,
        }

    def digest(self) -> str:
        """SHA-256 over :meth:`identity`."""
        return _sum_of(self.identity())

    def save_result(self, finished: Finished, run_folder: Path) -> None:
        """Write the result beside the model: its predictions, and then, as JSON, the rest.

        Each file whole or not at all; the last one says that the job is done.

        Raises:
            RunFolderError: The system refused.
        """
        content = {
            "format": FORMAT,
            "digest": self.digest(),
            "job": self.identity(),
            "result": asdict(finished.job),
            "blend": None if finished.blend is None else asdict(finished.blend),
        }
        text = json.dumps(content, indent=1, allow_nan=False)
        predictions = {model.name: array for model, array in finished.models}
        for path, bytes_ in (
            (self._predictions_file(run_folder), arrays.to_bytes(predictions)),
            (self._result_file(run_folder), f"{text}\n".encode()),
        ):
            with as_run_folder_error(f"result {path}: expected to write it"):
                write_bytes(path, bytes_)

    def load_result(self, run_folder: Path) -> Finished | None:
        """The result, if the job is done.

        Raises:
            FormatError: A file is damaged.
            RunFolderError: It is of another job.
        """
        path = self._result_file(run_folder)
        if not (path.exists() and (run_folder / self.model).is_dir()):
            return None
        try:
            content = json_file.read(path, FORMAT)
            file = schema.build(_File, content, f"{path}: ")
        except FormatError as error:
            raise FormatError(f"{error}; {MEND}") from error
        if file.digest != self.digest():
            differing = differences(file.job, self.identity()).values()
            raise RunFolderError(
                f"result {path}: expected that of the job, got another's: "
                f"{'; '.join(differing) or 'its digest differs'}; resume the run as it was, or "
                "train in another folder"
            )
        result, blend = file.result, file.blend
        expected, got = ((each.name, each.cell, each.seed, each.model) for each in (self, result))
        if expected != got:
            raise FormatError(
                f"{path}: result: expected name, cell, seed and model to be {expected}, got {got}; "
                f"{MEND}"
            )
        if blend is None:
            (predictions,) = self._load_predictions([self.name], run_folder)
            return Finished(result, predictions)
        if (blend.name, blend.network) != (self.blend, self.name):
            raise FormatError(
                f"{path}: blend: expected name and network to be {(self.blend, self.name)}, got "
                f"{(blend.name, blend.network)}; {MEND}"
            )
        predictions, both = self._load_predictions([self.name, self.blend], run_folder)
        return Finished(result, predictions, blend, both)

    def _load_predictions(self, names: list[str], run_folder: Path) -> list[NDArray[np.float64]]:
        path, whole = self._predictions_file(run_folder), self._result_file(run_folder).name
        mend = (
            f"put back a copy of it; or remove {whole} beside it and go on with --resume, which "
            "trains the job again"
        )
        try:
            predictions = arrays.from_bytes(regular.read(path, MOST_BYTES), path)
        except FileNotFoundError:
            raise FormatError(
                f"{path}: expected the predictions of {whole}, got none; {mend}"
            ) from None
        except OSError as error:
            raise FormatError(
                f"{path}: expected a readable file, got {error.strerror}; {mend}"
            ) from error
        except FormatError as error:
            raise FormatError(f"{error}; {mend}") from error
        if [*predictions] != names:
            raise FormatError(f"{path}: expected the arrays {names}, got {[*predictions]}; {mend}")
        return [predictions[name] for name in names]

    def _result_file(self, run_folder: Path) -> Path:
        return run_folder / f"{self.model}.json"

    def _predictions_file(self, run_folder: Path) -> Path:
        return run_folder / f"{self.model}.npz"


@dataclass(frozen=True)
class _File:
    """The JSON of a result."""

    digest: str
    job: dict[str, Any]
    result: JobResult
    blend: BlendModel | None


def jobs_of(experiment: Experiment, data: PreparedData | None = None) -> list[Job]:
    """The jobs of an experiment on its data, or of its language models alone.

    Seed by seed, so that a run that stops early has compared all cells on the same seeds.
    """
    digests: tuple[str | None, str | None] = (None, None)
    learnt = None
    if experiment.init_from is not None:
        learnt = language_model_folder.digest(Path(experiment.init_from))
    if data is not None:
        sums = {name: value for name, value in data.facts.items() if name.endswith("_sha256")}
        digests = _sum_of(sums), _sum_of(data.preprocessor.to_json())
    return [
        Job(
            experiment.recipe,
            cell,
            seed,
            experiment.limit,
            *digests,
            experiment.threads,
            experiment.init_from,
            learnt,
            experiment.unlabelled,
            experiment.checkpoint_every,
        )
        for seed in experiment.seeds
        for cell in experiment.cells
    ]


def _sum_of(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
