"""``run.json``: what a run was told to do, so that it can be resumed without being told again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tidegate.errors import FormatError, RunFolderError
from tidegate.runs.experiment import Experiment
from tidegate.storage import json_file
from tidegate.storage.atomic import write_text
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.training.recipe import Recipe

FORMAT = "tidegate.run/1"
FILE_NAME = "run.json"


@dataclass(frozen=True)
class RunConfig:
    """A data set and what is to be done with it."""

    dataset: str
    data: str | None
    """The path that the user gave for it."""
    experiment: Experiment
    logs: tuple[str, ...] = ()
    """Names of :data:`tidegate.runs.logs.NAMES`."""
    only_pretrain: bool = False
    """Whether the run ends with its language models."""

    def save(self, run_folder: Path) -> None:
        """Write ``run.json``, whole or not at all.

        Raises:
            RunFolderError: The system refused.
        """
        path, content = run_folder / FILE_NAME, {"format": FORMAT, **asdict(self)}
        with as_run_folder_error(f"config {path}: expected to write it"):
            write_text(path, json.dumps(content, indent=1) + "\n")


def load(run_folder: Path) -> RunConfig:
    """Read the ``run.json`` of a run folder.

    Raises:
        RunFolderError: There is none.
        FormatError: The file is not in the form this version reads.
    """
    path = run_folder / FILE_NAME
    try:
        content = json_file.read(path, FORMAT)
    except FileNotFoundError:
        raise RunFolderError(
            f"run folder {run_folder}: expected a run that can be resumed, with {FILE_NAME}, got "
            "none; give the folder that --out named"
        ) from None
    try:
        experiment = content.pop("experiment")
        recipe = experiment.pop("recipe")
        name = recipe.pop("name")
        Recipe.check(recipe)
        logs = tuple(content.pop("logs"))
        cells, seeds = tuple(experiment.pop("cells")), tuple(experiment.pop("seeds"))
        return RunConfig(
            **content,
            logs=logs,
            experiment=Experiment(
                recipe=Recipe(name=name, **recipe), cells=cells, seeds=seeds, **experiment
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: expected the fields of {FORMAT}, got {error}") from error
