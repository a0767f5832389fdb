"""One training of an estimator: as of :func:`tidegate.train`, in a folder that goes again."""

import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.data.own_texts.in_memory import in_memory
from tidegate.data.prepared_forecast import ForecastDataset
from tidegate.data.series.in_memory import series_in_memory
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import MissingPackageError
from tidegate.estimators.targets import Targets
from tidegate.inference import predictor
from tidegate.inference.predictor import Predictor
from tidegate.task import METRICS

if TYPE_CHECKING:
    from tidegate.training.history import Epoch

_ONE_AT_A_TIME = threading.Lock()
"""Threads of a process share PyTorch's settings, which a training changes."""


Examples = list[str] | SeriesSet | ForecastDataset


@dataclass(frozen=True)
class Trained:
    """What is kept of a training."""

    model: Predictor
    history: list[dict[str, Any]]
    """The figures of every epoch, by the names of :class:`tidegate.training.history.Epoch`."""
    metrics: dict[str, dict[str, float]]
    """The metrics of a forecast's back-test, by the names of the network and of the forecasts
    without one; empty where no test is held out."""
    notes: tuple[str, ...]
    """What the user should know about the examples, a sentence each."""


def train(
    examples: Examples,
    targets: Targets | None,
    *,
    where: str,
    recipe: Any,
    cell: str,
    settings: Mapping[str, Any] | None,
    threads: int | None,
    seed: int,
    verbose: int,
) -> Trained:
    """Train one network; the run folder is removed, however the training ends.

    Args:
        examples: Texts, series, or series to forecast.
        targets: What is to be learnt of each; None for series to forecast.
        where: Begins the lines of ``verbose`` and the messages.
        recipe, cell, settings, threads, seed, verbose: As of the estimators.

    Raises:
        ArgumentError, DataError, RecipeError, DivergedError: As of :func:`tidegate.train`.
        MissingPackageError: A package that training needs is missing.
    """
    try:
        from tidegate.application import carry_out
        from tidegate.application.arguments import make_config
        from tidegate.runs.events import DataPrepared, JobBegins, JobEnds, PretrainingBegins
        from tidegate.runs.run_folder import MODELS, name_of
        from tidegate.training.events import Notice
        from tidegate.training.history import Epoch
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"{where}: expected the package {error.name} to train, got none; "
            "pip install 'tidegate[train]'"
        ) from error
    config = make_config(
        where,
        recipe=recipe,
        cells=(cell,),
        seeds=(seed,),
        settings=settings,
        threads=threads,
        checkpoint_every=0,
        in_memory=True,
        kind=_kind(examples),
    )
    share = config.experiment.recipe.training.validation_share
    dataset = _dataset(where, examples, targets, share)
    history: list[dict[str, Any]] = []
    notes: list[str] = []

    def tell(event: object) -> None:
        told = None
        if isinstance(event, JobEnds):
            history.extend(map(asdict, event.job.history))
        elif isinstance(event, DataPrepared):
            notes.extend(event.facts["notes"])
            told = "; ".join(notes) or None
        elif isinstance(event, PretrainingBegins):
            told = f"a language model of {event.texts}"
        elif isinstance(event, JobBegins):
            told = f"the network, recurrence computed by {event.path}"
        elif isinstance(event, Epoch):
            told = _line(event)
        elif isinstance(event, Notice):
            told = event.text
        if verbose and told is not None:
            print(f"{where}: {told}", file=sys.stderr)

    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        run = carry_out.begin(config, Path(folder), tell, in_memory=dataset)
        model = predictor.load(Path(folder) / MODELS / name_of(cell, seed))
        metrics = {}
        if isinstance(dataset, ForecastDataset):
            metrics = {one.name: one.metrics for one in run.results.models}
    return Trained(model, history, metrics, tuple(notes))


def _kind(examples: Examples) -> str:
    if isinstance(examples, ForecastDataset):
        return "forecast"
    return "series" if isinstance(examples, SeriesSet) else "text"


def _dataset(where: str, examples: Examples, targets: Targets | None, share: float) -> Any:
    """The examples as a data set, of which the share validates."""
    if isinstance(examples, ForecastDataset):
        return examples
    assert targets is not None
    make: Any = series_in_memory if isinstance(examples, SeriesSet) else in_memory
    return make(where, examples, targets.values, targets.task, validation_share=share)


def _line(epoch: "Epoch") -> str:
    metric = METRICS[epoch.metric].text
    return (
        f"epoch {epoch.epoch}, {epoch.training_s:.1f} s: loss {epoch.loss:.4f}, {metric} "
        f"{epoch.score:.4f}, validation loss {epoch.validation_loss:.4f}, validation {metric} "
        f"{epoch.validation_score:.4f}"
    )
