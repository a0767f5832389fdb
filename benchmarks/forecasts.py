"""How well the recipe `forecast` does, beside forecasts without a network."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from tidegate import machine
from tidegate.application import carry_out
from tidegate.application.arguments import make_config
from tidegate.data import own_forecast, sources
from tidegate.data.prepared_forecast import ForecastDataset
from tidegate.evaluation.intervals import mean_interval
from tidegate.training import recipe as recipes

ORIGINS = {"sf-temps": 30, "m1-yearly": 1}
"""Points in time of the back-test: each of the last 30 days; the last six years."""
METRICS = ("mean_absolute_error", "smape", "mase", "quantile_loss", "coverage")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*ORIGINS]))
@click.option("--seeds", "num_seeds", default=5, show_default=True)
@click.option("--origins", type=int, default=None, help="Points in time, rather than 30 and 1.")
@click.option("--cell", default="gru", show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--set", "settings", multiple=True, help="As of `tidegate train`, to try a value.")
@click.option(
    "--before",
    type=int,
    default=0,
    help="Leave out so many last steps, and test on those before them: to choose values by.",
)
@click.option("--json", "out", type=click.Path(path_type=Path), default=Path("forecasts.json"))
def main(
    names: tuple[str, ...],
    num_seeds: int,
    origins: int | None,
    cell: str,
    threads: int,
    settings: tuple[str, ...],
    before: int,
    out: Path,
) -> None:
    """Train and back-test on the sets NAMES, by default on both, and print a table.

    A row has the mean over the seeds and its 95 % t interval; baselines have no seeds. The ratio is
    that of the mean absolute scaled error to the seasonal naive forecast's.
    """
    content: dict[str, object] = {"settings": [*settings], "environment": machine.describe()}
    for name in names or ORIGINS:
        data = own_forecast.of_source(sources.get_forecast(name))
        data = _cut(replace(data, num_origins=origins or ORIGINS[name]), before)
        rows: dict[str, list[dict[str, float]]] = {}
        for seed in range(num_seeds):
            for row, metrics in _measure(data, cell, seed, threads, settings).items():
                rows.setdefault(row, []).append(metrics)
        content[name] = rows
        _table(name, data, rows)
    out.write_text(json.dumps(content, indent=1) + "\n")


def _cut(data: ForecastDataset, count: int) -> ForecastDataset:
    """The data without the last steps of each series."""
    if not count:
        return data
    from tidegate.data.series import SeriesSet

    series, kept = data.series, np.maximum(data.lengths() - count, 1)
    arrays = [series.values[row][:end] for row, end in enumerate(kept.tolist())]
    times = None
    if series.times is not None:
        times = [series.times_of(row)[:end] for row, end in enumerate(kept.tolist())]
    made = SeriesSet.from_arrays(arrays, channels=series.channels, times=times, ids=series.ids)
    return replace(data, series=made)


def _measure(
    data: ForecastDataset, cell: str, seed: int, threads: int, settings: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    config = make_config(
        data.name,
        recipe=recipes.load("forecast").with_settings(settings),
        cells=(cell,),
        seeds=(seed,),
        threads=threads,
        in_memory=True,
        kind="forecast",
    )
    with tempfile.TemporaryDirectory(prefix="tidegate-forecast-") as folder:
        run = carry_out.begin(config, Path(folder) / "run", lambda event: None, in_memory=data)
        results = run.results
    names = {job.name: "network" for job in results.jobs}
    return {
        names.get(model.name, getattr(model, "description", model.name)): model.metrics
        for model in results.models
    }


def _table(name: str, data: ForecastDataset, rows: dict[str, list[dict[str, float]]]) -> None:
    click.echo(
        f"\n{name}: {len(data.series):,} series, horizon {data.horizon}, {data.num_origins} "
        "points in time\n"
    )
    click.echo("| | " + " | ".join((*METRICS, "ratio")) + " |")
    click.echo("|---" * (len(METRICS) + 2) + "|")
    naive = next(one for row, one in rows.items() if "naive" in row)[0]["mase"]
    for row, found in rows.items():
        cells = [_cell([one[metric] for one in found]) for metric in METRICS]
        cells.append(_cell([one["mase"] / naive for one in found]))
        click.echo(f"| {row} | " + " | ".join(cells) + " |")


def _cell(values: list[float]) -> str:
    if len({*values}) == 1:
        return f"{values[0]:.4g}"
    found = mean_interval(values)
    return f"{found.mean:.4g} ({found.low:.4g} to {found.high:.4g})"


if __name__ == "__main__":
    main()
