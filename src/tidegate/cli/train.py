"""``tidegate train``: train one network, test it, and write a report."""

from typing import Any

import click

from tidegate.cells import CELLS
from tidegate.cli import experiment
from tidegate.cli.dataset import Verb

EXAMPLES = """\b
Examples:
  tidegate train reviews.csv --text review --label sentiment
      on your own file; a fifth of its rows is held out for the test
  tidegate train tickets.jsonl --label team --test later.jsonl --out runs/tickets
      many classes, and a test file of your own
  tidegate train imdb --recipe fast
      past the notebook's accuracy in some seconds
  tidegate train imdb --recipe default --cell gru --seed 0 --out runs/gru
      a bidirectional GRU and a linear model, each alone and both together
  tidegate train imdb --recipe best --unlabelled aclImdb_v1.tar.gz
      also learns from the 50,000 reviews without labels in the official archive
  tidegate train imdb --set hidden_size=32 --set training.epochs=3
      a recipe with other values
  tidegate train --resume runs/gru
      continue after Ctrl-C, a power cut or a full disk; the result has the same bits
"""


@click.command("train", cls=Verb, epilog=EXAMPLES)
@experiment.dataset_argument
@click.option(
    "--cell", type=click.Choice([*CELLS]), default="gru", show_default=True, help="Recurrent cell."
)
@experiment.seed_option
@experiment.options(default_recipe="default")
def command(dataset: tuple[str, ...], cell: str, seed: int, **options: Any) -> None:
    """Train one network on DATASET or FILEs by a recipe, test it, and write a report.

    DATASET is the name of a data set. FILEs are your own: .csv, .tsv, .jsonl or .parquet (the
    first three also gzipped), or a folder with a folder of texts for each class. What is in them
    is found by the names of the columns and printed; --text and --label name them.

    The run folder holds results.json, report.html, the trained model and, until it is done, the
    checkpoints that --resume goes on from.
    """
    experiment.start(dataset, (cell,), (seed,), **options)
