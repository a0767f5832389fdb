"""``tidegate compare``."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate.bench.options import Names
from tidegate.cells import CELLS
from tidegate.training.recipe import NOTEBOOK, RECIPES

if TYPE_CHECKING:
    from tidegate.comparison.experiment import Experiment
    from tidegate.data.dataset import TextDataset

F = TypeVar("F", bound=Callable[..., Any])

EXAMPLES = """\b
Examples:
  tidegate compare imdb
      simple RNN, LSTM and GRU by the notebook's protocol, with a report
  tidegate compare imdb --cells lstm,gru,gru-before --seeds 3
      other cells, three seeds each
  tidegate compare imdb --limit 2000 --epochs 2
      a quick look at the first 2,000 training reviews
  tidegate compare imdb --data aclImdb_v1.tar.gz --out runs/official
      on the official archive, with its test split
"""


def _at_least(minimum: int) -> click.IntRange:
    return click.IntRange(min=minimum)


def _of_recipe(name: str, minimum: int, help: str) -> Callable[[F], F]:
    """An option that changes a value of the recipe."""
    flag = "--" + name.replace("_", "-")
    default = str(getattr(NOTEBOOK, name))
    return click.option(flag, type=_at_least(minimum), show_default=default, help=help)


@click.command("compare", epilog=EXAMPLES)
@click.argument("dataset", type=click.Choice(["imdb"]))
@click.option(
    "--cells",
    type=Names([*CELLS], "cells"),
    default="rnn,lstm,gru",
    show_default=True,
    help=f"What to compare, of {', '.join(CELLS)}.",
)
@click.option("--seeds", type=_at_least(1), default=1, show_default=True, help="Seeds per cell.")
@click.option("--seed", type=_at_least(0), default=0, show_default=True, help="The first seed.")
@click.option(
    "--recipe",
    type=click.Choice([*RECIPES]),
    default=NOTEBOOK.name,
    show_default=True,
    help="All values of the training; the options below change some.",
)
@_of_recipe("epochs", 1, "Passes over the training part.")
@_of_recipe("batch_size", 1, "Examples in a step.")
@_of_recipe("hidden_size", 1, "Units of the recurrent layer.")
@_of_recipe("embedding_dim", 1, "Width of the embedding.")
@_of_recipe("vocabulary_size", 5, "Ids: four reserved ones and the most frequent words.")
@_of_recipe("max_length", 1, "Tokens of a text that are read, its last.")
@click.option("--limit", type=_at_least(1), help="Use only so many training examples.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The official archive or its unpacked folder, rather than what is found.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A new folder for the run. [default: runs/DATASET-TIME]",
)
@click.option("--threads", type=_at_least(1), help="[default: all processors]")
def command(
    dataset: str,
    cells: tuple[str, ...],
    seeds: int,
    seed: int,
    recipe: str,
    data: Path | None,
    out: Path | None,
    threads: int | None,
    limit: int | None,
    **overrides: Any,
) -> None:
    """Train recurrent cells on DATASET alike, test them, and write a report.

    Every cell gets the same data in the same order, the same initial embedding and the same
    number of epochs. The run folder holds results.json, report.html and the trained models.
    """
    from dataclasses import replace

    from tidegate.comparison.run_folder import claim
    from tidegate.data import imdb
    from tidegate.machine import available_cpus

    out = out or Path("runs") / f"{dataset}-{datetime.now():%Y%m%d-%H%M%S}"
    with claim(out):
        texts = imdb.load(data)

        from tidegate.comparison.experiment import Experiment

        experiment = Experiment(
            recipe=replace(
                RECIPES[recipe], **{name: value for name, value in overrides.items() if value}
            ),
            cells=cells,
            seeds=tuple(range(seed, seed + seeds)),
            threads=threads or available_cpus(),
            limit=limit,
        )
        _compare(experiment, texts, out)


def _compare(experiment: "Experiment", texts: "TextDataset", out: Path) -> None:
    from tidegate.cli.screen import Screen
    from tidegate.comparison.results import FILE_NAME
    from tidegate.comparison.run import run
    from tidegate.data.prepared import prepare
    from tidegate.report import page

    recipe = experiment.recipe
    screen = Screen(experiment)
    data = prepare(
        texts,
        vocabulary_size=recipe.vocabulary_size,
        max_length=recipe.max_length,
        validation_share=recipe.validation_share,
        limit=experiment.limit,
    )
    screen.data(data.facts, num_given=len(texts.train))
    try:
        with screen:
            results = run(experiment, data, out, screen)
    except BaseException as error:
        report = page.write(out) if (out / FILE_NAME).exists() else None
        screen.stopped(isinstance(error, KeyboardInterrupt), report)
        raise
    screen.table(results)
    click.echo(f"\nReport: {page.write(out)}")
