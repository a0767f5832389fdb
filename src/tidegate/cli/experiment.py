"""What ``tidegate train`` and ``tidegate compare`` share: options, data, screen and report."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate.comparison import logs
from tidegate.training.recipe import NAMES

if TYPE_CHECKING:
    from tidegate.cli.screen import Screen
    from tidegate.comparison.plan import Plan
    from tidegate.comparison.results import Results
    from tidegate.data.prepared import PreparedData

F = TypeVar("F", bound=Callable[..., Any])


def at_least(minimum: int) -> click.IntRange:
    """A whole number from ``minimum`` on."""
    return click.IntRange(min=minimum)


def options(default_recipe: str) -> Callable[[F], F]:
    """The options of both verbs.

    Args:
        default_recipe: One of the recipes' names.
    """
    decorators = [
        click.option(
            "--recipe",
            type=click.Choice(NAMES),
            default=default_recipe,
            show_default=True,
            help="All values of the training, by name.",
        ),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change a value of the recipe; may be given several times.",
        ),
        click.option("--epochs", type=at_least(1), help="Short for --set epochs=N."),
        click.option("--limit", type=at_least(1), help="Use only so many training examples."),
        click.option(
            "--data",
            type=click.Path(path_type=Path),
            help="The official archive or its unpacked folder, rather than what is found.",
        ),
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            help="A new folder for the run. [default: runs/DATASET-TIME]",
        ),
        click.option(
            "--log",
            "log",
            type=click.Choice(logs.NAMES),
            multiple=True,
            help="Also write what this tool reads; may be given several times.",
        ),
        click.option("--threads", type=at_least(1), help="[default: all processors]"),
        click.option(
            "--checkpoint-every",
            type=at_least(0),
            default=200,
            show_default=True,
            help="Steps between two checkpoints; 0 for one an epoch.",
        ),
        click.option(
            "--resume",
            type=click.Path(path_type=Path),
            metavar="RUN",
            help="Go on with a run that was stopped, from its last checkpoint.",
        ),
        click.option(
            "--allow-inexact",
            is_flag=True,
            help="Resume under other versions, threads or instruction sets, to other bits.",
        ),
    ]

    def decorate(command: F) -> F:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def start(
    dataset: str | None,
    cells: tuple[str, ...],
    seeds: tuple[int, ...],
    *,
    recipe: str,
    settings: tuple[str, ...],
    epochs: int | None,
    limit: int | None,
    data: Path | None,
    out: Path | None,
    threads: int | None,
    checkpoint_every: int,
    resume: Path | None,
    allow_inexact: bool,
    log: tuple[str, ...],
) -> None:
    """Begin a run, or go on with one."""
    from tidegate.comparison import plan as plans
    from tidegate.comparison.experiment import Experiment
    from tidegate.comparison.run_folder import claim, hold
    from tidegate.machine import available_cpus
    from tidegate.training.recipe import load

    if resume is not None:
        refuse_beside_resume()
        plan = plans.load(resume)
        logs.check(plan.logs)
        if threads is not None:
            plan = replace(plan, experiment=replace(plan.experiment, threads=threads))
        with hold(resume):
            _go_on(plan, resume, allow_inexact)
        return
    if dataset is None:
        raise click.UsageError("Missing argument 'DATASET'; or give --resume RUN.")
    logs.check(log)
    chosen = load(recipe).with_settings(settings)
    if epochs is not None:
        chosen = chosen.with_values({"epochs": epochs})
    experiment = Experiment(
        recipe=chosen,
        cells=cells,
        seeds=seeds,
        threads=threads or available_cpus(),
        limit=limit,
        checkpoint_every=checkpoint_every,
    )
    path = None if data is None else str(data.absolute())
    plan = plans.Plan(dataset, path, experiment, tuple(dict.fromkeys(log)))
    folder = out or Path("runs") / f"{dataset}-{datetime.now():%Y%m%d-%H%M%S}"
    with claim(folder):
        prepared = _prepare(plan)
        plan.save(folder)
        with hold(folder):
            _carry_out(plan, folder, prepared)


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


def _go_on(plan: "Plan", out: Path, allow_inexact: bool) -> None:
    """Resume a run, or show what it found where nothing is left to do."""
    from tidegate.cli.screen import Screen
    from tidegate.comparison import results as results_file

    finished = None
    if (out / results_file.FILE_NAME).exists():
        finished = results_file.load(out)
        if finished.status == "complete":
            click.echo(f"run folder {out}: complete already, nothing is left to do", err=True)
            _show(Screen(plan.experiment, out), finished)
            return
    _carry_out(plan, out, _prepare(plan), finished, allow_inexact)


def _prepare(plan: "Plan") -> "tuple[PreparedData, int, float]":
    """The data, how many training texts there were, and the seconds that it took."""
    from tidegate.data import imdb
    from tidegate.data.prepared import prepare

    begin = time.perf_counter()
    experiment = plan.experiment
    texts = imdb.load(None if plan.data is None else Path(plan.data))
    data = prepare(texts, experiment.recipe.preparation(), limit=experiment.limit)
    return data, len(texts.train), time.perf_counter() - begin


def _carry_out(
    plan: "Plan",
    out: Path,
    prepared: "tuple[PreparedData, int, float]",
    finished: "Results | None" = None,
    allow_inexact: bool = False,
) -> None:
    from tidegate.cli.screen import Screen
    from tidegate.comparison import results as results_file
    from tidegate.comparison.run import run
    from tidegate.report import page

    data, num_given, preparation_s = prepared
    screen = Screen(plan.experiment, out)
    screen.data(data.facts, num_given=num_given, preparation_s=preparation_s)
    try:
        opened = logs.open_all(plan.logs, plan.experiment, out)
        with screen, logs.Logged(screen, opened) as watcher:
            results = run(
                plan.experiment,
                data,
                out,
                watcher,
                preparation_s=preparation_s,
                finished=finished,
                allow_inexact=allow_inexact,
            )
    except BaseException as error:
        # The first error is the one to tell, also when the disk refuses the report as well.
        with suppress(OSError):
            if (out / results_file.FILE_NAME).exists():
                page.write(out)
        screen.stopped(isinstance(error, KeyboardInterrupt))
        raise
    _show(screen, results)


def _show(screen: "Screen", results: "Results") -> None:
    """The outcome on stdout, and the report."""
    from tidegate.cli import table
    from tidegate.report import page

    table.show(results)
    click.echo(f"\nReport: {page.write(screen.out)}")
