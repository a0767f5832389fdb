"""``tidegate compare``: train several cells on one data set and compare them."""

from typing import Any

import click

from tidegate.cells import CELLS
from tidegate.cli import experiment
from tidegate.cli.dataset import Verb
from tidegate.option_types import Names

EXAMPLES = """\b
Examples:
  tidegate compare imdb
      simple RNN, LSTM and GRU by the notebook's protocol, with a report
  tidegate compare imdb --cells lstm,gru,gru-before --seeds 3
      other cells, three seeds each
  tidegate compare imdb --limit 2000 --epochs 2
      a quick look at the first 2,000 training texts
  tidegate compare imdb --recipe default --set training.epochs=2
      another recipe, with another value
  tidegate compare imdb --data aclImdb_v1.tar.gz --out runs/official
      on the official archive, with its test split
  tidegate compare reviews.csv --text review --label sentiment --recipe default
      on your own file
  tidegate compare rotten-tomatoes --cells lstm,gru
      on another data set
  tidegate compare --resume runs/official
      continue a stopped run
"""


@click.command("compare", cls=Verb, epilog=EXAMPLES)
@experiment.dataset_argument
@click.option(
    "--cells",
    type=Names([*CELLS], "cells"),
    default="rnn,lstm,gru",
    show_default=True,
    help=f"Cells to compare, of {', '.join(CELLS)}.",
)
@click.option(
    "--seeds", type=experiment.at_least(1), default=1, show_default=True, help="Seeds per cell."
)
@click.option(
    "--seed", type=experiment.at_least(0), default=0, show_default=True, help="The first seed."
)
@experiment.options(default_recipe="notebook")
def command(
    dataset: tuple[str, ...], cells: tuple[str, ...], seeds: int, seed: int, **options: Any
) -> None:
    """Train several recurrent cells on DATASET or FILEs, test them, and write a report.

    Every cell gets the same data in the same order, the same initial embedding and the same
    number of epochs. The run folder holds results.json, report.html and the trained models.
    """
    seeds_of_all = tuple(range(seed, seed + seeds))
    experiment.start(dataset, cells, seeds_of_all, default_recipe="notebook", **options)
