"""A run from its first event to its report, new or resumed."""

import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import tidegate.runs.run as jobs  # what is not installed is said before a run begins
from tidegate.application import imbalance
from tidegate.application.adapting import adapted
from tidegate.application.data import Data, check_numbers, prepare_numbers
from tidegate.application.run import Run
from tidegate.application.texts import RunTexts
from tidegate.data.dataset import TextDataset
from tidegate.data.prepared import check_texts, num_trained_on
from tidegate.data.prepared_forecast import ForecastDataset
from tidegate.data.tokenise import check_installed
from tidegate.errors import DataError, RecipeError
from tidegate.memory import is_out_of_memory
from tidegate.report import page
from tidegate.runs import logs, memory_check, run_config
from tidegate.runs import results as results_file
from tidegate.runs.events import DataPrepared, RunBegins, RunCallback, RunStops, TextsAreRead
from tidegate.runs.fingerprint import settings_kept
from tidegate.runs.logged import Logged
from tidegate.runs.results import Results
from tidegate.runs.run import pretrain
from tidegate.runs.run_config import RunConfig
from tidegate.runs.run_folder import claim, has_checkpoint, hold
from tidegate.training.diverged import DivergedError
from tidegate.training.events import Notice


def begin(
    config: RunConfig,
    out: Path | None,
    callback: RunCallback,
    *,
    in_memory: Data | None = None,
) -> Run:
    """Carry out a new run.

    Args:
        out: A new or empty folder; None for a new one, ``runs/DATASET-TIME``.
        in_memory: The texts, where they are there already. Such a run cannot be resumed, and has
            no report.

    Raises:
        DataError, RecipeError: What cannot be trained on, or not in the memory that there is.
        RunFolderError: The folder holds something, or cannot be written.
        DivergedError: A training came to nothing.
    """
    unnamed = Path("runs") / f"{config.dataset}-{datetime.now():%Y%m%d-%H%M%S}"
    with claim(out or unnamed, numbered=out is None) as folder:
        config, read = _read(config, callback, in_memory=in_memory)
        config.save(folder)
        with hold(folder):
            return _carry_out(config, folder, read, callback, report=in_memory is None)


def go_on(
    folder: Path, callback: RunCallback, *, threads: int | None = None, allow_inexact: bool = False
) -> Run:
    """Carry out the rest of a run, by its own configuration; of one that is complete, the report.

    Args:
        threads: Compute on another number of threads; with ``allow_inexact``.
        allow_inexact: Go on under other versions, threads or instruction sets; the run may then
            end with other bits.

    Raises:
        RunFolderError: The folder holds no run, or another process is writing in it.
        FormatError: A file of the run is damaged.
        DataError, RecipeError, DivergedError: As :func:`begin`.
    """
    config = run_config.load(folder)
    logs.check(config.logs)
    if threads is not None:
        config = replace(config, experiment=replace(config.experiment, threads=threads))
    with hold(folder):
        finished = None
        if (folder / results_file.FILE_NAME).exists():
            finished = results_file.load(folder)
            if finished.status == "complete":
                told = f"run folder {folder}: complete already, nothing is left to do"
                callback(Notice(told))
                page.write(folder)
                return Run(folder)
        config, read = _read(config, callback, begun=True)
        if not has_checkpoint(folder):
            told = (
                f"run folder {folder}: expected checkpoints to go on from, got none; what is not "
                "finished begins anew"
            )
            callback(Notice(told))
        return _carry_out(config, folder, read, callback, finished, allow_inexact)


def _read(
    config: RunConfig,
    callback: RunCallback,
    begun: bool = False,
    in_memory: Data | None = None,
) -> tuple[RunConfig, tuple[Data, float]]:
    """The texts, and the seconds that it took; the recipe of a new run is adapted to them.

    What cannot be trained on, or not in the memory that there is, is refused.
    """
    check_installed(config.experiment.recipe.text.tokens)
    started = time.perf_counter()
    texts: Data | None = in_memory
    if texts is None:
        texts = config.load_data(lambda path, done: callback(TextsAreRead(path, done)))
    if not begun:
        config = adapted(config, texts)
    experiment, recipe = config.experiment, config.experiment.recipe
    if not isinstance(texts, TextDataset):
        check_numbers(texts, experiment)
        return config, (texts, time.perf_counter() - started)
    is_linear = recipe.linear_model.order > 0 and not config.only_pretrain
    min_count = recipe.linear_model.min_count if is_linear else 0
    num_train = num_trained_on(texts, recipe.training.validation_share, experiment.limit)
    check_texts(texts, recipe.text.tokens, num_train, min_count)
    memory_check.check(
        experiment, texts, num_train, only_pretrain=config.only_pretrain, begun=begun
    )
    return config, (texts, time.perf_counter() - started)


def _carry_out(
    config: RunConfig,
    folder: Path,
    read: tuple[Data, float],
    callback: RunCallback,
    finished: Results | None = None,
    allow_inexact: bool = False,
    report: bool = True,
) -> Run:
    try:
        callback(RunBegins(config, folder))
        opened = logs.open_all(config.logs, config.experiment, folder)
        with settings_kept(), Logged(callback, opened) as told:
            _train(config, folder, read, told, finished, allow_inexact)
    except BaseException as error:
        # The first error is the one to tell, also when the disk refuses the report as well.
        with suppress(OSError):
            if report and (folder / results_file.FILE_NAME).exists():
                page.write(folder)
        callback(RunStops(error, can_go_on=report and not _comes_again(error)))
        raise
    if report and not config.only_pretrain:
        page.write(folder)
    return Run(folder)


def _train(
    config: RunConfig,
    folder: Path,
    read: tuple[Data, float],
    callback: RunCallback,
    finished: Results | None,
    allow_inexact: bool,
) -> None:
    experiment, (dataset, reading_s) = config.experiment, read
    started, learnt = time.perf_counter(), None
    if not isinstance(dataset, TextDataset):
        data = prepare_numbers(dataset, experiment)
    else:
        texts = RunTexts(experiment, dataset)
        learnt = texts.for_language_models(folder)
        if config.only_pretrain:
            pretrain(experiment, learnt, folder, callback, allow_inexact)
            return
        data = texts.for_classifiers(folder, learnt)
        del texts  # its words take as much memory as the ids
    preparation_s = reading_s + time.perf_counter() - started
    callback(DataPrepared(data.task, data.facts, _num_given(dataset), preparation_s))
    if data.task.is_classification:
        weights = experiment.recipe.training.class_weights
        told = imbalance.notice(data.task, data.train.targets, weights)
        if told is not None:
            callback(Notice(told))
    if data.advice is not None:
        callback(Notice(data.advice))
    jobs.run(
        experiment,
        data,
        folder,
        callback,
        preparation_s=preparation_s,
        finished=finished,
        pretraining=learnt,
        reference=config.reference,
        allow_inexact=allow_inexact,
    )


def _num_given(dataset: Data) -> int:
    """The training examples that a data set has."""
    return len(dataset.series if isinstance(dataset, ForecastDataset) else dataset.train)


def _comes_again(error: BaseException) -> bool:
    """Whether a run that goes on with the same values meets the same error."""
    is_of_values = isinstance(error, DataError | RecipeError | DivergedError | OverflowError)
    return is_of_values or is_out_of_memory(error)
