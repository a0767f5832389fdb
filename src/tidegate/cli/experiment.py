"""What ``tidegate train``, ``compare`` and ``pretrain`` share: options, data, screen and report."""

import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate.cli import sources
from tidegate.cli.dataset import DatasetName
from tidegate.runs import logs
from tidegate.training.recipe import NAMES

if TYPE_CHECKING:
    from tidegate.cli.progress_display import ProgressDisplay
    from tidegate.data.dataset import TextDataset
    from tidegate.runs.experiment import Experiment
    from tidegate.runs.results import Results
    from tidegate.runs.run_config import RunConfig

F = TypeVar("F", bound=Callable[..., Any])


def at_least(minimum: int) -> click.IntRange:
    """A whole number from ``minimum`` on."""
    return click.IntRange(min=minimum)


dataset_argument = click.argument("dataset", type=DatasetName(), required=False, metavar="DATASET")


def options(default_recipe: str, without: Collection[str] = ()) -> Callable[[F], F]:
    """The options of all three verbs.

    Args:
        default_recipe: One of the recipes' names.
        without: Flags of options that a verb does not have, or has in a form of its own.
    """
    all_options = [
        (
            "--recipe",
            click.option(
                "--recipe",
                type=click.Choice(NAMES),
                default=default_recipe,
                show_default=True,
                help="All values of the training, by name.",
            ),
        ),
        (
            "--set",
            click.option(
                "--set",
                "settings",
                multiple=True,
                metavar="KEY=VALUE",
                help="Change a value of the recipe; may be given several times.",
            ),
        ),
        ("--epochs", click.option("--epochs", type=at_least(1), help="Short for --set epochs=N.")),
        (
            "--limit",
            click.option("--limit", type=at_least(1), help="Use only so many training examples."),
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
                ".txt, or the official archive or folder.",
            ),
        ),
        (
            "--init-from",
            click.option(
                "--init-from",
                type=click.Path(path_type=Path),
                metavar="FOLDER",
                help="Begin with the language model that 'tidegate pretrain' left there.",
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
                help="Also write what this tool reads; may be given several times.",
            ),
        ),
        (
            "--threads",
            click.option("--threads", type=at_least(1), help="[default: all processors]"),
        ),
        (
            "--checkpoint-every",
            click.option(
                "--checkpoint-every",
                type=at_least(0),
                default=200,
                show_default=True,
                help="Steps between two checkpoints; 0 for one an epoch.",
            ),
        ),
        (
            "--resume",
            click.option(
                "--resume",
                type=click.Path(path_type=Path),
                metavar="RUN",
                help="Go on with a run that was stopped, from its last checkpoint.",
            ),
        ),
        (
            "--allow-inexact",
            click.option(
                "--allow-inexact",
                is_flag=True,
                help="Resume under other versions, threads or instruction sets, to other bits.",
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
    """Begin a run, or go on with one; with ``only_pretrain`` it ends with the language models."""
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
    chosen = load(recipe).with_settings(settings)
    if only_pretrain:
        passes = epochs or chosen.pretrain_epochs or 1
        chosen = chosen.with_values({"pretrain_epochs": passes})
    elif epochs is not None:
        chosen = chosen.with_values({"epochs": epochs})
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
    folder = out or Path("runs") / f"{dataset}-{datetime.now():%Y%m%d-%H%M%S}"
    with claim(folder):
        texts = _read(config)
        config.save(folder)
        with hold(folder):
            _carry_out(config, folder, texts)


def _unlabelled(experiment: "Experiment") -> Iterable[list[str]]:
    """The texts without labels that networks learn from, some at a time."""
    if experiment.unlabelled is None or not experiment.recipe.self_epochs:
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
    """Resume a run, or show what it found where nothing is left to do."""
    from tidegate.cli.progress_display import ProgressDisplay
    from tidegate.runs import results as results_file

    finished = None
    if (out / results_file.FILE_NAME).exists():
        finished = results_file.load(out)
        if finished.status == "complete":
            click.echo(f"run folder {out}: complete already, nothing is left to do", err=True)
            _show(ProgressDisplay(config.experiment, out), finished)
            return
    _carry_out(config, out, _read(config), finished, allow_inexact)


def _read(config: "RunConfig") -> "tuple[TextDataset, float]":
    """The texts, and the seconds that it took; what cannot be trained on is refused."""
    import tidegate.runs.run  # noqa: F401  what is not installed is said before a run begins
    from tidegate.data import sources as data_sources
    from tidegate.data.prepared import num_trained_on

    begin = time.perf_counter()
    path = None if config.data is None else Path(config.data)
    texts = data_sources.load(config.dataset, path)
    experiment = config.experiment
    num_trained_on(texts, experiment.recipe.validation_share, experiment.limit)
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
                validation_share=experiment.recipe.validation_share,
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
        display.stopped(isinstance(error, KeyboardInterrupt))
        raise
    _show(display, results)


def _show(display: "ProgressDisplay", results: "Results") -> None:
    """The outcome on stdout, and the report."""
    from tidegate.cli import table
    from tidegate.report import page

    table.show(results)
    click.echo(f"\nReport: {page.write(display.out)}")
