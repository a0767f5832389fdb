"""What ``tidegate train``, ``compare`` and ``pretrain`` share: options, data, screen and report."""

import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate.cli import limits, signals, sources
from tidegate.cli.dataset import DatasetName
from tidegate.cli.recipe import RecipeName
from tidegate.errors import DataError, RecipeError
from tidegate.runs import logs
from tidegate.training.recipe import NAMES

if TYPE_CHECKING:
    from tidegate.cli.progress_display import ProgressDisplay
    from tidegate.data.dataset import TextDataset
    from tidegate.runs.experiment import Experiment
    from tidegate.runs.results import Results
    from tidegate.runs.run_config import RunConfig

F = TypeVar("F", bound=Callable[..., Any])

MOST_THREADS = 1024
"""That the engine takes."""


def at_least(minimum: int) -> click.IntRange:
    """A whole number from ``minimum`` on."""
    return click.IntRange(min=minimum)


dataset_argument = click.argument("dataset", type=DatasetName(), required=False, metavar="DATASET")
seed_option = click.option(
    "--seed",
    type=at_least(0),
    default=0,
    show_default=True,
    help="Seed of the initial values, the order of the texts, and dropout.",
)


def options(default_recipe: str, without: Collection[str] = ()) -> Callable[[F], F]:
    """Decorator that adds the options that the three verbs share.

    Args:
        default_recipe: One of the recipes' names.
        without: Flags of options that a verb does not have, or has in a form of its own.
    """
    all_options = [
        (
            "--recipe",
            click.option(
                "--recipe",
                type=RecipeName(),
                default=default_recipe,
                show_default=True,
                metavar="NAME|FILE",
                help=f"All training values: {', '.join(NAMES)}, or your own file of them, see "
                "'tidegate recipe'; a run prints them as it begins.",
            ),
        ),
        (
            "--set",
            click.option(
                "--set",
                "settings",
                multiple=True,
                metavar="SECTION.KEY=VALUE",
                help="Change a value of the recipe; may be given several times. The key alone will "
                "do where one section alone has it.",
            ),
        ),
        (
            "--epochs",
            click.option("--epochs", type=at_least(1), help="Short for --set training.epochs=N."),
        ),
        (
            "--limit",
            click.option("--limit", type=at_least(1), help="Use only the first N training texts."),
        ),
        (
            "--data",
            click.option(
                "--data",
                type=click.Path(path_type=Path),
                help="Your copy of DATASET, rather than the one that is found.",
            ),
        ),
        (
            "--unlabelled",
            click.option(
                "--unlabelled",
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="Texts without labels, for recipes that learn from them: .parquet, .jsonl, "
                ".txt, or the official archive aclImdb_v1.tar.gz or its folder.",
            ),
        ),
        (
            "--init-from",
            click.option(
                "--init-from",
                type=click.Path(path_type=Path),
                metavar="FOLDER",
                help="Start from the language model in this folder, made by 'tidegate pretrain'.",
            ),
        ),
        (
            "--out",
            click.option(
                "--out",
                type=click.Path(path_type=Path),
                help="A new folder for the run. [default: runs/DATASET-TIME]",
            ),
        ),
        (
            "--log",
            click.option(
                "--log",
                "log",
                type=click.Choice(logs.NAMES),
                multiple=True,
                help="Also write a log for this tool; may be given several times.",
            ),
        ),
        (
            "--threads",
            click.option(
                "--threads",
                type=click.IntRange(1, MOST_THREADS),
                help="Threads to compute on. [default: all processors]",
            ),
        ),
        (
            "--checkpoint-every",
            click.option(
                "--checkpoint-every",
                type=at_least(0),
                default=200,
                show_default=True,
                help="Steps between two checkpoints; 0 for only the one after each epoch.",
            ),
        ),
        (
            "--resume",
            click.option(
                "--resume",
                type=click.Path(path_type=Path),
                metavar="RUN",
                help="Continue a stopped run from its last checkpoint, with its own values.",
            ),
        ),
        (
            "--allow-inexact",
            click.option(
                "--allow-inexact",
                is_flag=True,
                help="Resume under other versions, threads or instruction sets; the run may then "
                "end with other bits.",
            ),
        ),
    ]

    def decorate(command: F) -> F:
        for flag, option in reversed(all_options):
            if flag not in without:
                command = option(command)
        return command

    return decorate


def start(
    dataset: str | None,
    cells: tuple[str, ...],
    seeds: tuple[int, ...],
    *,
    recipe: str,
    settings: tuple[str, ...],
    epochs: int | None = None,
    limit: int | None,
    data: Path | None,
    unlabelled: Path | None,
    init_from: Path | None = None,
    out: Path | None,
    threads: int | None,
    checkpoint_every: int,
    resume: Path | None,
    allow_inexact: bool,
    log: tuple[str, ...] = (),
    only_pretrain: bool = False,
) -> None:
    """Begin a run or resume one; with ``only_pretrain`` it stops after the language models."""
    from tidegate.machine import available_cpus
    from tidegate.runs import run_config
    from tidegate.runs.experiment import Experiment
    from tidegate.runs.run_folder import claim, hold
    from tidegate.training.recipe import load

    if resume is not None:
        refuse_beside_resume()
        config = run_config.load(resume)
        logs.check(config.logs)
        if threads is not None:
            config = replace(config, experiment=replace(config.experiment, threads=threads))
        with hold(resume):
            _go_on(config, resume, allow_inexact)
        return
    if dataset is None:
        raise click.UsageError("Missing argument 'DATASET'; or give --resume RUN.")
    logs.check(log)
    _refuse_twice(epochs, "pretraining.epochs" if only_pretrain else "training.epochs", settings)
    chosen = load(recipe).with_settings(settings)
    if only_pretrain:
        passes = epochs or chosen.pretraining.epochs or 1
        chosen = chosen.with_values({"pretraining.epochs": passes})
    elif epochs is not None:
        chosen = chosen.with_values({"training.epochs": epochs})
    sources.check(chosen, cells, unlabelled, init_from, only_pretrain=only_pretrain)
    experiment = Experiment(
        recipe=chosen,
        cells=cells,
        seeds=seeds,
        threads=threads or available_cpus(),
        limit=limit,
        checkpoint_every=checkpoint_every,
        unlabelled=_absolute(unlabelled),
        init_from=_absolute(init_from),
    )
    config = run_config.RunConfig(
        dataset, _absolute(data), experiment, tuple(dict.fromkeys(log)), only_pretrain
    )
    unnamed = Path("runs") / f"{dataset}-{datetime.now():%Y%m%d-%H%M%S}"
    with claim(out or unnamed, numbered=out is None) as folder:
        texts = _read(config)
        config.save(folder)
        with hold(folder):
            _carry_out(config, folder, texts)


def _refuse_twice(epochs: int | None, key: str, settings: tuple[str, ...]) -> None:
    """Refuse ``--epochs`` beside a ``--set`` of the value that it is short for."""
    twice = [setting for setting in settings if setting.partition("=")[0].strip() == key]
    if epochs is not None and twice:
        raise click.UsageError(
            f"--epochs {epochs} is short for --set {key}={epochs}: expected one of the two, got "
            f"--set {twice[-1]} beside it"
        )


def _unlabelled(experiment: "Experiment") -> Iterable[list[str]]:
    """The texts without labels for self-training, in chunks; none if the recipe has none."""
    if experiment.unlabelled is None or not experiment.recipe.self_training.epochs:
        return ()
    from tidegate.data import unlabelled

    return unlabelled.read(Path(experiment.unlabelled))


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())


def refuse_beside_resume() -> None:
    """Refuse options that a resumed run cannot change.

    Raises:
        click.UsageError: One was given.
    """
    context = click.get_current_context()
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in ("resume", "allow_inexact", "threads")
        and context.get_parameter_source(parameter.name or "")
        is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(
            f"--resume goes on as the run was begun: expected no {', '.join(given)} beside it"
        )


def _go_on(config: "RunConfig", out: Path, allow_inexact: bool) -> None:
    """Resume a run; if it is complete, only show its results."""
    from tidegate.cli.progress_display import ProgressDisplay
    from tidegate.runs import results as results_file
    from tidegate.runs.run_folder import has_checkpoint

    finished = None
    if (out / results_file.FILE_NAME).exists():
        finished = results_file.load(out)
        if finished.status == "complete":
            click.echo(f"run folder {out}: complete already, nothing is left to do", err=True)
            _show(ProgressDisplay(config.experiment, out), finished)
            return
    read = _read(config, begun=True)
    if not has_checkpoint(out):
        click.echo(
            f"run folder {out}: expected checkpoints to go on from, got none; what is not finished "
            "begins anew",
            err=True,
        )
    _carry_out(config, out, read, finished, allow_inexact)


def _read(config: "RunConfig", begun: bool = False) -> "tuple[TextDataset, float]":
    """The texts, and the seconds that it took; what cannot be trained on, or not in the memory that
    there is, is refused."""
    import tidegate.runs.run  # noqa: F401  what is not installed is said before a run begins
    from tidegate.data import sources as data_sources
    from tidegate.data.prepared import check_texts, num_trained_on
    from tidegate.runs import memory_check

    begin = time.perf_counter()
    path = None if config.data is None else Path(config.data)
    texts = data_sources.load(config.dataset, path)
    experiment, recipe = config.experiment, config.experiment.recipe
    is_linear = recipe.linear_model.order > 0 and not config.only_pretrain
    min_count = recipe.linear_model.min_count if is_linear else 0
    num_train = num_trained_on(texts, recipe.training.validation_share, experiment.limit)
    check_texts(texts, recipe.text.tokens, num_train, min_count)
    memory_check.check(
        experiment, texts, num_train, only_pretrain=config.only_pretrain, begun=begun
    )
    return texts, time.perf_counter() - begin


def _carry_out(
    config: "RunConfig",
    out: Path,
    read: "tuple[TextDataset, float]",
    finished: "Results | None" = None,
    allow_inexact: bool = False,
) -> None:
    from tidegate.cli.progress_display import ProgressDisplay
    from tidegate.data import sources as data_sources
    from tidegate.data.prepared import prepare
    from tidegate.report import page
    from tidegate.runs import results as results_file
    from tidegate.runs.pretrained import of_experiment
    from tidegate.runs.run import run

    experiment, (texts, reading_s) = config.experiment, read
    display = ProgressDisplay(experiment, out, "pretrain" if config.only_pretrain else None)
    try:
        opened = logs.open_all(config.logs, experiment, out)
        with display, logs.Logged(display, opened) as callback:
            display.begins()
            pretrained = of_experiment(experiment, texts.train, out, display, allow_inexact)
            if config.only_pretrain:
                return
            begin = time.perf_counter()
            data = prepare(
                texts,
                experiment.recipe.text_options(),
                validation_share=experiment.recipe.training.validation_share,
                limit=experiment.limit,
                vocabulary=None if pretrained is None else pretrained.vocabulary,
                unlabelled=_unlabelled(experiment),
            )
            preparation_s = reading_s + time.perf_counter() - begin
            display.data(data.facts, num_given=len(texts.train), preparation_s=preparation_s)
            results = run(
                experiment,
                data,
                out,
                callback,
                preparation_s=preparation_s,
                finished=finished,
                pretrained=pretrained,
                reference=data_sources.get(config.dataset).reference(experiment.recipe.name),
                allow_inexact=allow_inexact,
            )
    except BaseException as error:
        # The first error is the one to tell, also when the disk refuses the report as well.
        with suppress(OSError):
            if (out / results_file.FILE_NAME).exists():
                page.write(out)
        if isinstance(error, KeyboardInterrupt):
            display.stopped(signals.name_of(error), can_go_on=True)
        else:
            display.stopped("an error", can_go_on=not _comes_again(error))
        raise
    _show(display, results)


def _comes_again(error: BaseException) -> bool:
    """Whether a run that goes on with the same values meets the same error."""
    from tidegate.training.diverged import DivergedError

    is_of_values = isinstance(error, DataError | RecipeError | DivergedError | OverflowError)
    return is_of_values or limits.is_out_of_memory(error)


def _show(display: "ProgressDisplay", results: "Results") -> None:
    """The report, and the outcome on stdout."""
    from tidegate.cli import table
    from tidegate.report import page

    report = page.write(display.out)
    table.show(results)
    click.echo(f"\nReport: {report}")
