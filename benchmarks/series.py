"""How well the recipe `series` does on small sets of series, beside a linear model."""

import json
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from series_problems import PROBLEMS, problem
from tidegate import machine
from tidegate.application import carry_out
from tidegate.application.arguments import make_config
from tidegate.data.series import SeriesDataset
from tidegate.evaluation.intervals import mean_interval
from tidegate.training import recipe as recipes

ROWS = {"linear": "linear model", "recurrent": "network", "blend": "network with linear model"}


@dataclass(frozen=True)
class SeedResult:
    """What was measured with one seed."""

    seed: int
    num_train: int
    """Series that train; those that validate are not among them."""
    num_validation: int
    num_test: int
    accuracy: dict[str, float]
    """On the test part, by the names of :data:`ROWS`."""
    adapted: dict[str, str]
    """What the recipe changed, and why."""
    num_parameters: int
    training_s: float
    wall_s: float


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(PROBLEMS))
@click.option("--seeds", "num_seeds", default=5, show_default=True)
@click.option("--ensemble", default=1, show_default=True, help="Networks that answer together.")
@click.option("--cell", default="gru", show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--set", "settings", multiple=True, help="As of `tidegate train`, to try a value.")
@click.option(
    "--inner",
    is_flag=True,
    help="Test on a fifth of the training part: to choose values by.",
)
@click.option("--json", "out", type=click.Path(path_type=Path), default=None)
def main(
    names: tuple[str, ...],
    num_seeds: int,
    ensemble: int,
    cell: str,
    threads: int,
    settings: tuple[str, ...],
    inner: bool,
    out: Path | None,
) -> None:
    """Train and test on the sets NAMES, by default on all, and print a table.

    japanese-vowels, pickup-gestures and basic-motions have a test part of their own; of
    spoken-digits each seed draws another. A row has the mean over the seeds and its 95 % t
    interval. What the JSON file has already is not done again; Linux alone measures the memory.
    """
    out = out or Path(f"series-{ensemble}.json")
    options = {
        "ensemble": ensemble,
        "cell": cell,
        "threads": threads,
        "settings": [*settings],
        "inner": inner,
    }
    known = _read(out, options)
    for name in names or PROBLEMS:
        results = known.setdefault(name, [])
        for seed in range(len(results), num_seeds):
            data = problem(name, seed, inner=inner)
            values = [*settings, f"training.ensemble={ensemble}"]
            results.append(_measure(data, cell, seed, threads, values))
            _save(out, options, known)
    _table({name: known[name][:num_seeds] for name in names or PROBLEMS}, ensemble)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    click.echo(f"\nThe process took at most {most / 1024:,.0f} MB of memory.")


def _measure(
    data: SeriesDataset, cell: str, seed: int, threads: int, settings: Sequence[str]
) -> SeedResult:
    config = make_config(
        data.name,
        recipe=recipes.load("series").with_settings(settings),
        cells=(cell,),
        seeds=(seed,),
        threads=threads,
        in_memory=True,
        kind="series",
    )
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="tidegate-series-") as folder:
        run = carry_out.begin(config, Path(folder) / "run", lambda event: None, in_memory=data)
        results = run.results
    (job,), facts = results.jobs, results.data
    return SeedResult(
        seed=seed,
        num_train=facts["num_train"],
        num_validation=facts["num_validation"],
        num_test=facts["num_test"],
        accuracy={m.kind: m.metrics["accuracy"] for m in results.models if m.kind in ROWS},
        adapted=results.configuration["adapted"],
        num_parameters=job.num_parameters,
        training_s=job.training_s,
        wall_s=time.perf_counter() - begin,
    )


def _read(path: Path, options: dict[str, object]) -> dict[str, list[SeedResult]]:
    """What was measured with these options before."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text())
    if content["options"] != options:
        raise click.ClickException(
            f"{path}: expected results of {options}, got those of {content['options']}; name "
            "another file by --json"
        )
    return {
        name: [SeedResult(**result) for result in results]
        for name, results in content["sets"].items()
    }


def _save(path: Path, options: dict[str, object], known: dict[str, list[SeedResult]]) -> None:
    content = {
        "benchmark": "series",
        "options": options,
        "environment": machine.describe(),
        "sets": {name: [asdict(one) for one in results] for name, results in known.items()},
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def _table(known: dict[str, list[SeedResult]], ensemble: int) -> None:
    """Print the accuracies of every set, and what a training takes."""
    rows = dict(ROWS)
    if ensemble > 1:
        rows = {kind: row.replace("network", f"{ensemble} networks") for kind, row in rows.items()}
    click.echo(f"\n| set | {' | '.join(rows.values())} | a training |")
    click.echo(f"|---|{'---|' * (len(rows) + 1)}")
    for name, results in known.items():
        cells = [_cell([one.accuracy.get(kind) for one in results]) for kind in rows]
        seconds = sum(one.training_s for one in results) / len(results)
        click.echo(
            f"| {name} | {' | '.join(cells)} | {seconds:.0f} s, "
            f"{results[0].num_parameters:,} parameters |"
        )


def _cell(scores: list[float | None]) -> str:
    """The mean of some scores with its interval, or a dash where there are none."""
    found = [score for score in scores if score is not None]
    if len(found) < 2:
        return f"{found[0]:.4f}" if found else "-"
    mean, low, high = mean_interval(found)
    return f"{mean:.4f} ({low:.4f} to {min(high, 1.0):.4f})"


if __name__ == "__main__":
    main()
