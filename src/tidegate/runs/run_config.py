"""``run.json``: what a run was told to do, so that it can be resumed without being told again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from tidegate.data import own_forecast, own_series, sources
from tidegate.data.audio.load import load as load_audio
from tidegate.data.audio.options import OwnAudio
from tidegate.data.dataset import TextDataset
from tidegate.data.own_forecast import OwnForecast
from tidegate.data.own_series import OwnSeries
from tidegate.data.own_texts import OwnTexts
from tidegate.data.own_texts import load as load_own
from tidegate.data.own_texts.rows import Progress
from tidegate.data.prepared_forecast import ForecastDataset
from tidegate.data.series.dataset import SeriesDataset
from tidegate.data.sources.source import Reference
from tidegate.errors import FormatError, RecipeError, RunFolderError
from tidegate.runs.experiment import Experiment
from tidegate.runs.logs import NAMES
from tidegate.storage import json_file, schema
from tidegate.storage.atomic import write_text
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.storage.schema import IsFileName, IsPath, OneOf
from tidegate.training.recipe import Recipe
from tidegate.training.sections import SECTIONS

FORMAT = "tidegate.run/1"
FILE_NAME = "run.json"
MOST_BYTES = 1 << 20
KINDS = ("text", "series", "audio", "forecast")
MEND = "put back a copy of it, or start the run anew in another folder"


@dataclass(frozen=True)
class RunConfig:
    """A data set and what is to be done with it."""

    dataset: Annotated[str, IsFileName()]
    data: Annotated[str, IsPath()] | None
    """The path that the user gave for it."""
    experiment: Experiment
    own: OwnTexts | None = None
    """The user's own files, where the data set is none of tidegate's."""
    logs: tuple[Annotated[str, OneOf(NAMES)], ...] = ()
    """Names of :data:`tidegate.runs.logs.NAMES`."""
    only_pretrain: bool = False
    """Whether the run ends with its language models."""
    kind: Annotated[str, OneOf(KINDS)] = "text"
    """What the examples are."""
    own_series: OwnSeries | None = None
    """The user's own files of series."""
    own_audio: OwnAudio | None = None
    """The user's own recordings."""
    own_forecast: OwnForecast | None = None
    """The user's own files of series to forecast."""

    @property
    def has_own_files(self) -> bool:
        """Whether the data set is none of tidegate's."""
        own = (self.own, self.own_series, self.own_audio, self.own_forecast)
        return any(one is not None for one in own)

    def load_data(
        self, on_progress: Progress = lambda path, done: None
    ) -> TextDataset | SeriesDataset | ForecastDataset:
        """Read the data set.

        Args:
            on_progress: Is told which of the user's files is read, and the share that was.

        Raises:
            ArgumentError, DataError: It is missing, or is not as it should be.
        """
        if self.own is not None:
            return load_own(self.own, on_progress)
        if self.own_series is not None:
            return own_series.load(self.own_series, on_progress)
        if self.own_audio is not None:
            return load_audio(self.own_audio, on_progress)
        if self.own_forecast is not None:
            return own_forecast.load(self.own_forecast, on_progress)
        path = None if self.data is None else Path(self.data)
        if self.kind == "forecast":
            return own_forecast.of_source(sources.get_forecast(self.dataset))
        return sources.load_any(self.dataset, path)

    @property
    def reference(self) -> Reference | None:
        """Published results on the data set, in the setting of the recipe."""
        if self.has_own_files or self.dataset not in sources.names():
            return None
        source = sources.get(self.dataset)
        if not isinstance(source, sources.Source):
            return None
        return source.reference(self.experiment.recipe.name)

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
        content = json_file.read(path, FORMAT, most_bytes=MOST_BYTES)
        config: RunConfig = schema.build(RunConfig, content, f"{path}: ")
        recipe = config.experiment.recipe
        recipe.check()
        _check_complete(content["experiment"]["recipe"], recipe, path)
        if not config.has_own_files and config.dataset not in sources.names():
            raise FormatError(
                f"{path}: dataset: expected one of {', '.join(sources.names())}, or own files, got "
                f"{config.dataset!r}"
            )
    except FileNotFoundError:
        raise RunFolderError(
            f"run folder {run_folder}: expected a run that can be resumed, with {FILE_NAME}, got "
            "none; give the folder that --out named"
        ) from None
    except RecipeError as error:
        raise FormatError(f"{path}: {error}; {MEND}") from error
    except FormatError as error:
        raise FormatError(f"{error}; {MEND}") from error
    return config


def _check_complete(content: dict[str, Any], recipe: Recipe, path: Path) -> None:
    """Refuse a recipe of which values are missing: a default may not be what the run began with.

    Raises:
        FormatError: Which.
    """
    given = {f"{name}.{key}" for name, part in content.items() if name in SECTIONS for key in part}
    missing = [key for key in recipe.values() if key not in given]
    if missing:
        raise FormatError(
            f"{path}: experiment.recipe: expected a value of {', '.join(missing)}, got none"
        )
