"""``tidegate pretrain``."""

from typing import Any

import click

from tidegate.cells import CELLS
from tidegate.cli import experiment
from tidegate.cli.dataset import Verb

EXAMPLES = """\b
Examples:
  tidegate pretrain imdb --unlabelled reviews.parquet --epochs 2 --out runs/language
      a language model on these texts and on the training texts; on the latter alone
      without --unlabelled
  tidegate train imdb --recipe best --init-from runs/language/pretraining/gru-seed0/model
      a classifier that begins with it
  tidegate pretrain --resume runs/language
      go on after Ctrl-C, a power cut or a full disk, to the same bits
"""


@click.command("pretrain", cls=Verb, epilog=EXAMPLES)
@experiment.dataset_argument
@click.option(
    "--cell", type=click.Choice([*CELLS]), default="gru", show_default=True, help="What to train."
)
@click.option("--seed", type=experiment.at_least(0), default=0, show_default=True)
@click.option(
    "--epochs",
    type=experiment.at_least(1),
    help="Passes over the texts. [default: the recipe's pretrain_epochs, or 1]",
)
@experiment.options(default_recipe="best", without=("--init-from", "--epochs", "--log"))
def command(dataset: str | None, cell: str, seed: int, **options: Any) -> None:
    """Train a language model on DATASET's training texts and on texts without labels.

    One reads forwards and, where the recipe is bidirectional, one backwards, with one embedding.
    'tidegate train --init-from' makes a classifier of them; a recipe with pretrain_epochs does both
    at once.
    """
    experiment.start(dataset, (cell,), (seed,), only_pretrain=True, **options)
