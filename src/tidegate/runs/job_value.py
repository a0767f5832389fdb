"""A job as a value: everything that its result depends on; and the file of its result."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tidegate.data.prepared import PreparedData
from tidegate.errors import FormatError, RunFolderError
from tidegate.runs.experiment import Experiment
from tidegate.runs.results import Job as JobResult
from tidegate.runs.run_folder import MODELS, PRETRAINING, TRAINING, name_of
from tidegate.storage import json_file, schema
from tidegate.storage.atomic import write_text
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
    def training(self) -> str:
        """The folder of its step log and, until it is done, its checkpoints."""
        return f"{TRAINING}/{self.name}"

    @property
    def pretraining(self) -> str:
        """The folder of its language model."""
        return f"{PRETRAINING}/{self.name}"

    def identity(self) -> dict[str, Any]:
        """What the result depends on, but for what rounds: threads, versions, instruction set."""
        return {
            "configuration": {
                **self.recipe.configuration(),
                "cell": self.cell,
                "seed": self.seed,
                "limit": self.limit,
                "init_from": self.init_from,
            },
            "data": self.data,
            "preprocessor": self.preprocessor,
        }

    def digest(self) -> str:
        """SHA-256 over :meth:`identity`."""
        return _sum_of(self.identity())

    def save_result(self, result: JobResult, run_folder: Path) -> None:
        """Write the result beside the model, whole or not at all.

        Raises:
            RunFolderError: The system refused.
        """
        content = {
            "format": FORMAT,
            "digest": self.digest(),
            "job": self.identity(),
            "result": asdict(result),
        }
        path = self._result_file(run_folder)
        with as_run_folder_error(f"result {path}: expected to write it"):
            write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")

    def load_result(self, run_folder: Path) -> JobResult | None:
        """The result, if the job is done.

        Raises:
            FormatError: The file is damaged.
            RunFolderError: It is of another job.
        """
        path = self._result_file(run_folder)
        if not (path.exists() and (run_folder / self.model).is_dir()):
            return None
        try:
            content = json_file.read(path, FORMAT)
            found = schema.build(_File, content, f"{path}: ")
        except FormatError as error:
            raise FormatError(f"{error}; {MEND}") from error
        if found.digest != self.digest():
            differing = differences(found.job, self.identity()).values()
            raise RunFolderError(
                f"result {path}: expected that of the job, got another's: "
                f"{'; '.join(differing) or 'its digest differs'}; resume the run as it was, or "
                "train in another folder"
            )
        result: JobResult = found.result
        expected, got = ((each.cell, each.seed, each.model) for each in (self, result))
        if expected != got:
            raise FormatError(
                f"{path}: result: expected cell, seed and model to be {expected}, got {got}; {MEND}"
            )
        return result

    def _result_file(self, run_folder: Path) -> Path:
        return run_folder / f"{self.model}.json"


@dataclass(frozen=True)
class _File:
    """The content of a result's file."""

    digest: str
    job: dict[str, Any]
    result: JobResult


def jobs_of(experiment: Experiment, data: PreparedData | None = None) -> list[Job]:
    """The jobs of an experiment on its data, or of its language models alone.

    Seed by seed, so that a run that stops early has compared all cells on the same seeds.
    """
    digests: tuple[str | None, str | None] = (None, None)
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
            experiment.unlabelled,
            experiment.checkpoint_every,
        )
        for seed in experiment.seeds
        for cell in experiment.cells
    ]


def _sum_of(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
