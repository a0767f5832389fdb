"""What forecasts without training reach on two built-in sets, with their errors at each step."""

import time

import click
import numpy as np
from numpy.typing import NDArray

from tidegate.data.series.series_set import SeriesSet
from tidegate.data.sources.forecasts import M1_YEARLY, SF_TEMPS
from tidegate.evaluation.forecast_baselines import exponential_smoothing, seasonal_naive
from tidegate.evaluation.forecasts import forecast_errors, nominal_coverage

SETS = {one.name: (one, origins) for one, origins in ((SF_TEMPS, 10), (M1_YEARLY, 1))}
"""Each set, with the origins of its back-test."""
QUANTILES = (0.1, 0.5, 0.9)
METRICS = (
    "mean_absolute_error",
    "root_mean_squared_error",
    "smape",
    "mase",
    "quantile_loss",
    "coverage",
)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*SETS]))
@click.option("--by-step", is_flag=True, help="MASE at each step ahead as well.")
def main(names: tuple[str, ...], by_step: bool) -> None:
    """Back-test on the sets NAMES, by default on both, and print tables.

    The last origins of each series, a horizon apart, are tested; nothing is chosen on them. MASE
    divides by the seasonal naive error before the first of them.
    """
    for name in names or [*SETS]:
        source, num_origins = SETS[name]
        _show(name, source.series(), source.horizon, source.season_length, num_origins, by_step)


def _show(
    name: str, series: SeriesSet, horizon: int, season: int, num_origins: int, by_step: bool
) -> None:
    pasts, targets, scales = _origins(series, horizon, season, num_origins)
    click.echo(
        f"{name}: {len(series)} series, {num_origins} origins, horizon {horizon}, season {season}, "
        f"nominal coverage {nominal_coverage(QUANTILES):.0%}"
    )
    click.echo(f"{'':24}" + "".join(f"{one.split('_')[-1]:>11}" for one in (*METRICS, "seconds")))
    begin = time.perf_counter()
    naive = [seasonal_naive(past, horizon, season, QUANTILES) for past in pasts]
    middle = time.perf_counter()
    fitted = [exponential_smoothing(past, horizon, season, QUANTILES) for past in pasts]
    end = time.perf_counter()
    rows = {
        "seasonal naive": (naive, middle - begin),
        "exponential smoothing": ([one.quantiles for one in fitted], end - middle),
    }
    for row, (made, seconds) in rows.items():
        predictions = np.stack(made).reshape(len(made), -1)
        errors = forecast_errors(predictions, targets, QUANTILES, scales)
        values = errors.metrics()
        numbers = "".join(f"{values[metric]:11.4g}" for metric in METRICS)
        click.echo(f"{row:24}{numbers}{seconds:11.2f}")
        if by_step:
            click.echo("  MASE by step: " + " ".join(f"{s['mase']:.3f}" for s in errors.by_step()))
    methods = {one.method: 0 for one in fitted}
    for one in fitted:
        methods[one.method] += 1
    stopped = sum(not one.has_converged for one in fitted)
    click.echo(f"  fitted: {methods}; {stopped} did not converge\n")


def _origins(
    series: SeriesSet, horizon: int, season: int, num_origins: int
) -> tuple[list[NDArray[np.float64]], NDArray[np.float64], NDArray[np.float64]]:
    """The past of each origin, what came, (N, H), and the series' scales, (N, 1)."""
    pasts, targets, scales = [], [], []
    for row in range(len(series)):
        values = series.values[row][:, 0].astype(np.float64)
        first = len(values) - num_origins * horizon
        scale = np.abs(values[season:first] - values[: first - season]).mean()
        for origin in range(first, len(values), horizon):
            pasts.append(values[:origin])
            targets.append(values[origin : origin + horizon])
            scales.append(scale if scale > 0 else np.nan)
    return pasts, np.stack(targets), np.array(scales)[:, None]


if __name__ == "__main__":
    main()
