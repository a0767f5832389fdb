"""``tidegate evaluate``: measure a trained model on labelled texts."""

import json
from pathlib import Path
from typing import Any

import click

from tidegate.cli.dataset import DatasetName, Verb
from tidegate.cli.own_files import as_usage_error, given_options, own_options

EXAMPLES = """\b
Examples:
  tidegate evaluate runs/first/models/gru-seed0 test.csv
      the metrics on a file of your own
  tidegate evaluate runs/first/models/gru-seed0 imdb
      the metrics on the data set's test part
  tidegate evaluate runs/first/models/gru-seed0 imdb --data aclImdb_v1.tar.gz
      the same on the official archive's test part
  tidegate evaluate runs/first/models/gru-seed0 imdb --json
      for programs
"""


@click.command("evaluate", cls=Verb, epilog=EXAMPLES)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("dataset", type=DatasetName(), nargs=-1, required=True, metavar="DATASET|FILE...")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Your copy of DATASET, rather than the one that is found.",
)
@own_options(without=("test", "validation", "split", "group", "test_share"))
@click.option("--json", "as_json", is_flag=True, help="Write JSON (docs/results.md).")
def command(
    model: Path, dataset: tuple[str, ...], data: Path | None, as_json: bool, **own: Any
) -> None:
    """Measure a trained model on files of labelled texts or series, or on a data set's test part.

    MODEL is a model folder. Files are .csv, .tsv, .jsonl, .parquet, a folder with a folder of
    texts for each class, or series in .ts or .npz; their columns are those of the training, if no
    others are named.
    Shows all metrics with their 95 % intervals, precision and recall of every class, and which
    classes are taken for which.
    """
    from tidegate.application.labelled import labelled
    from tidegate.cli import evaluation_tables
    from tidegate.inference.evaluate import check_packages, evaluate
    from tidegate.inference.predictor import load

    check_packages()
    predictor = load(model)
    with as_usage_error():
        examples = labelled(predictor, dataset, given_options(own), data)
    evaluation = evaluate(predictor, examples.examples, examples.targets)
    if as_json:
        click.echo(json.dumps(evaluation.to_json(), indent=1, allow_nan=False))
        return
    click.echo(f"{len(examples.targets):,} examples of {examples.source}", err=True)
    evaluation_tables.show(evaluation)
