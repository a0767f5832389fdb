"""``tidegate evaluate``."""

import json
from pathlib import Path

import click

from tidegate.cli.dataset import DatasetName, Verb

EXAMPLES = """\b
Examples:
  tidegate evaluate runs/first/models/gru-seed0 imdb
      the metrics on the data set's test part
  tidegate evaluate runs/first/models/gru-seed0 imdb --data aclImdb_v1.tar.gz
      the same on the official archive's test part
  tidegate evaluate runs/first/models/gru-seed0 imdb --json
      for programs
"""

PARTS = {"all": "whole model", "network": "network alone", "linear": "linear model alone"}


@click.command("evaluate", cls=Verb, epilog=EXAMPLES)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("dataset", type=DatasetName(), metavar="DATASET")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Your copy of DATASET, rather than the one that is found.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(model: Path, dataset: str, data: Path | None, as_json: bool) -> None:
    """Measure a trained model on the test part of a data set.

    MODEL is a model folder; its classes must be those of DATASET.
    """
    from tidegate.data import sources
    from tidegate.errors import DataError
    from tidegate.inference.evaluate import evaluate
    from tidegate.inference.predictor import load

    predictor = load(model)
    found = sources.load(dataset, data)
    if predictor.task != found.task:
        raise DataError(
            f"evaluate: expected a data set of the model's task, {predictor.task.kind} with the "
            f"classes {', '.join(predictor.classes)}, got {found.task.kind} with "
            f"{', '.join(found.task.classes)}"
        )
    metrics = evaluate(predictor, found.test.texts, found.test.labels)
    if as_json:
        click.echo(json.dumps({"num_examples": len(found.test), "metrics": metrics}, indent=1))
        return
    click.echo(f"{len(found.test):,} examples of {found.name}, from {found.source}", err=True)
    names = [*next(iter(metrics.values()))]
    width = max(map(len, names)) + 2
    columns = [PARTS[part] for part in metrics]
    click.echo(" " * width + "".join(f"{column:>20}" for column in columns))
    for name in names:
        values = "".join(f"{values[name]:>20.4f}" for values in metrics.values())
        click.echo(f"{name.replace('_', ' '):<{width}}{values}")
