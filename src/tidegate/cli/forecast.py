"""``tidegate forecast``: train on series, back-test, and forecast what comes next."""

from typing import Any

import click

from tidegate.cells import CELLS
from tidegate.cli import experiment
from tidegate.cli.dataset import Verb

EXAMPLES = """\b
Examples:
  tidegate forecast temperatures.csv --time date --values temp --horizon 24
      the next 24 steps of one series, with a back-test at its last points in time
  tidegate forecast sales.parquet --series-id shop --time day --values sold --horizon 14 \\
      --known price,holiday --season 7
      many series by one network; prices and holidays of the next days are in the last rows
  tidegate forecast electricity.tsf --horizon 48 --origins 5
      a file of the Monash archive
  tidegate predict runs/sales/models/gru-seed0 later.parquet --out next.csv
      later, the next steps of newer data by the same network
"""
FILE_NAME = "forecast.csv"
OF_LABELS = (
    "text",
    "audio",
    "label",
    "labels",
    "separator",
    "target",
    "test",
    "validation",
    "split",
    "group",
    "test_share",
    "skip_bad_rows",
)
"""Options of files with answers, which a forecast has none of."""
MOST_SHOWN = 12


@click.command("forecast", cls=Verb, epilog=EXAMPLES)
@experiment.dataset_argument
@click.option(
    "--cell", type=click.Choice([*CELLS]), default="gru", show_default=True, help="Recurrent cell."
)
@experiment.seed_option
@experiment.options(
    default_recipe="forecast",
    without=("--unlabelled", "--init-from", "--limit", "--data"),
    without_own=OF_LABELS,
)
def command(dataset: tuple[str, ...], cell: str, seed: int, **options: Any) -> None:
    """Train one network on the series of FILEs, back-test it, and forecast their next steps.

    FILEs are .csv, .tsv, .jsonl or .parquet with a row a step, or .tsf; or DATASET is the name of
    one for forecasts. The run folder holds forecast.csv, report.html and the trained model, with
    which 'tidegate predict' forecasts newer data.
    """
    from tidegate.data import sources

    names = [*sources.names("forecast")]
    if (
        not options["resume"]
        and not options["horizon"]
        and (*dataset,) not in [(n,) for n in names]
    ):
        raise click.UsageError("--horizon: expected the number of steps to forecast, got none")
    if options["known"] and not options["resume"] and dataset:
        _check_future(dataset, options)
    options |= {"unlabelled": None, "limit": None, "data": None}
    run = experiment.start(dataset, (cell,), (seed,), **options)
    from tidegate.application.next_steps import write_next_steps

    path = run.folder / FILE_NAME
    rows = write_next_steps(run, path)
    click.echo("")
    for row in rows[:MOST_SHOWN]:
        click.echo("  ".join(f"{name} {value}" for name, value in row.items()))
    if len(rows) > MOST_SHOWN:
        click.echo(f"... and {len(rows) - MOST_SHOWN:,} more of the first series")
    click.echo(f"\nForecast: {path}")


def _check_future(dataset: tuple[str, ...], options: dict[str, Any]) -> None:
    """Refuse files without the covariates of the steps ahead before a training, not after it."""
    from tidegate.application.next_steps import check_next_steps
    from tidegate.application.own_files import make_own
    from tidegate.cli.own_files import as_usage_error, given_options
    from tidegate.data.own_forecast import OwnForecast

    with as_usage_error():
        own = make_own(dataset, given_options(options)).own
        if isinstance(own, OwnForecast):
            check_next_steps(own)
