"""``tidegate train``."""

from typing import Any

import click

from tidegate.cells import CELLS
from tidegate.cli import experiment
from tidegate.cli.dataset import Verb

EXAMPLES = """\b
Examples:
  tidegate train imdb --recipe fast
      past the notebook's accuracy in some seconds
  tidegate train imdb --recipe default --cell gru --seed 0 --out runs/gru
      a bidirectional GRU and a linear model, apart and together
  tidegate train imdb --recipe best --unlabelled reviews.parquet
      learns from texts without labels as well
  tidegate train imdb --set hidden_size=32 --set epochs=3
      other values
  tidegate train --resume runs/gru
      go on after Ctrl-C, a power cut or a full disk, to the same bits
"""


@click.command("train", cls=Verb, epilog=EXAMPLES)
@experiment.dataset_argument
@click.option(
    "--cell", type=click.Choice([*CELLS]), default="gru", show_default=True, help="What to train."
)
@click.option("--seed", type=experiment.at_least(0), default=0, show_default=True)
@experiment.options(default_recipe="default")
def command(dataset: str | None, cell: str, seed: int, **options: Any) -> None:
    """Train one network on DATASET by a recipe, test it, and write a report.

    The run folder holds results.json, report.html, the trained model and, until it is done, the
    checkpoints that --resume goes on from.
    """
    experiment.start(dataset, (cell,), (seed,), **options)
