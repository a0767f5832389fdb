"""Options and output that ``tidegate train``, ``compare`` and ``pretrain`` share."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate.application.arguments import MOST_THREADS, make_config
from tidegate.application.own_files import make_own
from tidegate.cli.dataset import DatasetName
from tidegate.cli.own_files import as_usage_error, given_options, own_options
from tidegate.cli.recipe import RecipeName
from tidegate.errors import RecipeError
from tidegate.runs import logs
from tidegate.training.recipe import NAMES, load, name_for

if TYPE_CHECKING:
    from tidegate.application.run import Run

F = TypeVar("F", bound=Callable[..., Any])


def at_least(minimum: int) -> click.IntRange:
    """The type of an option: a whole number of at least ``minimum``."""
    return click.IntRange(min=minimum)


dataset_argument = click.argument(
    "dataset", type=DatasetName(), nargs=-1, metavar="DATASET|FILE..."
)
seed_option = click.option(
    "--seed",
    type=at_least(0),
    default=0,
    show_default=True,
    help="Seed of the initial values, the order of the examples, and dropout.",
)


def options(
    default_recipe: str, without: Collection[str] = (), without_own: Collection[str] = ()
) -> Callable[[F], F]:
    """Decorator that adds the options that the three verbs share.

    Args:
        default_recipe: Name of the verb's default recipe.
        without: Flags of options that the verb does not have, or has in its own form.
        without_own: Names of options for own files that it does not have.
    """
    all_options = [
        (
            "--recipe",
            click.option(
                "--recipe",
                type=RecipeName(),
                metavar="NAME|FILE",
                help=f"All training values: {', '.join(NAMES)}, or your own file of them, see "
                "'tidegate recipe'; a run prints them as it begins. [default: "
                f"{default_recipe}; for series, series]",
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
            click.option(
                "--limit", type=at_least(1), help="Use only the first N training examples."
            ),
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
                help="Texts without labels, for recipes that learn from them: .csv, .tsv, .jsonl, "
                ".parquet, .txt, or the official archive aclImdb_v1.tar.gz or its folder.",
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
        return own_options(without_own)(command)

    return decorate


def start(
    dataset: tuple[str, ...],
    cells: tuple[str, ...],
    seeds: tuple[int, ...],
    *,
    recipe: str | None,
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
    default_recipe: str = "default",
    **own: Any,
) -> "Run":
    """Begin a run or resume one; with ``only_pretrain`` it stops after the language models."""
    if resume is not None:
        refuse_beside_resume()
    elif not dataset:
        raise click.UsageError("Missing argument 'DATASET|FILE...'; or give --resume RUN.")
    from tidegate.application.progress_display import ProgressDisplay

    display = ProgressDisplay()
    if resume is not None:
        from tidegate.application import carry_out

        run = carry_out.go_on(resume, display, threads=threads, allow_inexact=allow_inexact)
    else:
        _refuse_twice(
            epochs, "pretraining.epochs" if only_pretrain else "training.epochs", settings
        )
        given = given_options(own)
        with as_usage_error():
            kind = make_own(_one_or_several(dataset), given).kind
        chosen = load(_recipe_name(recipe, kind, default_recipe)).with_settings(settings)
        if only_pretrain:
            passes = epochs or chosen.pretraining.epochs or 1
            chosen = chosen.with_values({"pretraining.epochs": passes})
        elif epochs is not None:
            chosen = chosen.with_values({"training.epochs": epochs})
        with as_usage_error():
            config = make_config(
                _one_or_several(dataset),
                recipe=chosen,
                cells=cells,
                seeds=seeds,
                limit=limit,
                data=data,
                unlabelled=unlabelled,
                init_from=init_from,
                log=log,
                threads=threads,
                checkpoint_every=checkpoint_every,
                only_pretrain=only_pretrain,
                own=given,
            )
        if config.has_own_files:  # own files may be large
            display.starts()
        from tidegate.application import carry_out

        with as_usage_error():
            run = carry_out.begin(config, out, display)
    if not run.config.only_pretrain:
        from tidegate.cli import table

        table.show(run.results)
        click.echo(f"\nReport: {run.report}")
    return run


def _one_or_several(dataset: tuple[str, ...]) -> str | tuple[str, ...]:
    """The data set or file as :func:`tidegate.train` takes it."""
    return dataset[0] if len(dataset) == 1 else dataset


def _recipe_name(recipe: str | None, kind: str, default: str) -> str:
    """The recipe that is meant for data of a kind."""
    try:
        return name_for(recipe, kind, default)
    except RecipeError as error:
        raise click.UsageError(f"--recipe: {error}") from error


def _refuse_twice(epochs: int | None, key: str, settings: tuple[str, ...]) -> None:
    """Refuse ``--epochs`` beside a ``--set`` of the value that it is short for."""
    twice = [setting for setting in settings if setting.partition("=")[0].strip() == key]
    if epochs is not None and twice:
        raise click.UsageError(
            f"--epochs {epochs} is short for --set {key}={epochs}: expected one of the two, got "
            f"--set {twice[-1]} beside it"
        )


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
