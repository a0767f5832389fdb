"""What a run left in its folder."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tidegate.report.page import FILE_NAME
from tidegate.runs import results as results_file
from tidegate.runs import run_config
from tidegate.runs.results import Results
from tidegate.runs.run_config import RunConfig
from tidegate.runs.run_folder import MODELS, PRETRAINING


@dataclass(frozen=True)
class Run:
    """A run that was carried out; its files are read when they are asked for."""

    folder: Path
    """The run folder."""

    @cached_property
    def config(self) -> RunConfig:
        """What the run was told to do."""
        return run_config.load(self.folder)

    @cached_property
    def results(self) -> Results:
        """What it found: figures, predictions and times of every model.

        Raises:
            FormatError: There is none, as of a run of language models alone; or it is damaged.
        """
        return results_file.load(self.folder)

    @property
    def report(self) -> Path:
        """The HTML page on the results."""
        return self.folder / FILE_NAME

    @property
    def model(self) -> Path:
        """The folder of the only model, for :func:`tidegate.load`.

        Raises:
            ValueError: The run has several models, or none.
        """
        models = self.models
        if len(models) != 1:
            raise ValueError(
                f"run {self.folder}: expected one model, got {', '.join(models) or 'none'}; take "
                "one of models"
            )
        return next(iter(models.values()))

    @property
    def models(self) -> dict[str, Path]:
        """The folders of all models, for :func:`tidegate.load`, by names such as ``gru-seed0``."""
        return _folders(self.folder / MODELS, "*")

    @property
    def language_models(self) -> dict[str, Path]:
        """The folders of all language models, for ``init_from``, by such names."""
        return _folders(self.folder / PRETRAINING, "*/model")


def _folders(parent: Path, pattern: str) -> dict[str, Path]:
    # What begins with a dot was left half written.
    folders = sorted(p for p in parent.glob(pattern) if p.is_dir() and not p.name.startswith("."))
    return {path.relative_to(parent).parts[0]: path for path in folders}
