"""``tidegate pretrain``: train a language model for classifiers to start from."""

from typing import Any

import click

from tidegate.cells import CELLS
from tidegate.cli import experiment
from tidegate.cli.dataset import Verb

EXAMPLES = """\b
Examples:
  tidegate pretrain imdb --unlabelled aclImdb_v1.tar.gz --epochs 2 --out runs/language
      a language model of the training reviews and the archive's 50,000 reviews without
      labels; without --unlabelled, of the training reviews alone
  tidegate train imdb --recipe best --unlabelled aclImdb_v1.tar.gz \\
      --init-from runs/language/pretraining/gru-seed0/model
      a classifier that starts from it
  tidegate pretrain --resume runs/language
      continue after Ctrl-C, a power cut or a full disk; the result has the same bits
"""


@click.command("pretrain", cls=Verb, epilog=EXAMPLES)
@experiment.dataset_argument
@click.option(
    "--cell", type=click.Choice([*CELLS]), default="gru", show_default=True, help="Recurrent cell."
)
@experiment.seed_option
@click.option(
    "--epochs",
    type=experiment.at_least(1),
    help="Passes over the texts. [default: the recipe's pretraining.epochs, or 1]",
)
@experiment.options(default_recipe="best", without=("--init-from", "--epochs", "--log"))
def command(dataset: tuple[str, ...], cell: str, seed: int, **options: Any) -> None:
    """Train a language model on the training texts of DATASET or FILEs, and on others
    without labels.

    It predicts the next word; where the recipe is bidirectional, a second one with the same
    embedding predicts the previous word. 'tidegate train --init-from' starts a classifier from
    them; a recipe with pretraining.epochs does both in one run.
    """
    experiment.start(dataset, (cell,), (seed,), only_pretrain=True, **options)
