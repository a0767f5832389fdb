"""Whole trainings as commands of their own: what `recipes.py` and `ablations.py` share."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from tidegate import machine
from tidegate.evaluation.intervals import mean_interval
from tidegate.machine import available_cpus


@dataclass(frozen=True)
class Training:
    """One run of `tidegate train`, as a user sees it."""

    name: str
    """What the table calls it."""
    cell: str
    seed: int
    network: float
    """Test accuracy of the network alone."""
    linear: float | None
    combined: float | None
    epochs: int
    training_s: float
    """Wall time of the steps."""
    wall_s: float
    """Wall time of the whole process: start, reading, training, testing, report."""
    peak_bytes: int
    """Largest resident memory of the process."""
    tokens_per_s: float
    """Of the training steps."""
    path: str


@dataclass(frozen=True)
class Group:
    """Trainings that differ in their seeds alone: a row of the table."""

    name: str
    cell: str
    options: Sequence[str]


def table(
    benchmark: str, groups: Sequence[Group], seeds: Sequence[int], out: Path, at_once: int
) -> None:
    """Carry out all trainings, write what they found to ``out``, and print a row a group.

    Args:
        at_once: How many run side by side, each on its share of the processors.
    """
    threads = max(available_cpus() // at_once, 1)
    found: list[Training] = []
    click.echo(HEADER)
    with ThreadPoolExecutor(at_once) as pool:
        begun = [
            [
                pool.submit(
                    train, group.name, group.cell, seed, [*group.options, "--threads", str(threads)]
                )
                for seed in seeds
            ]
            for group in groups
        ]
        try:
            for futures in begun:
                for future in futures:
                    found.append(future.result())
                    save(out, benchmark, found)
                click.echo(row(found[-len(seeds) :]))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def train(name: str, cell: str, seed: int, options: Sequence[str]) -> Training:
    """Train in a new process and read what it found.

    Raises:
        click.ClickException: The training failed; what it said is on stderr.
    """
    with tempfile.TemporaryDirectory(prefix="tidegate-training-") as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "tidegate.cli.main", "train", "imdb", *options]
        command += ["--cell", cell, "--seed", str(seed), "--out", str(out)]
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise click.ClickException(f"{' '.join(command)}: exit code {process.returncode}")
        results = json.loads((out / "results.json").read_text())
    models = {model["kind"]: model for model in results["models"]}
    job, accuracies = models["recurrent"], {k: m["metrics"]["accuracy"] for k, m in models.items()}
    return Training(
        name=name,
        cell=cell,
        seed=seed,
        network=accuracies["recurrent"],
        linear=accuracies.get("linear"),
        combined=accuracies.get("blend"),
        epochs=len(job["history"]),
        training_s=job["training_s"],
        wall_s=wall_s,
        peak_bytes=usage.ru_maxrss * 1024,
        tokens_per_s=job["num_tokens"] / job["training_s"],
        path=job["path"],
    )


def save(path: Path, benchmark: str, trainings: Sequence[Training]) -> None:
    """Write all that has been found so far."""
    content = {
        "benchmark": benchmark,
        "environment": machine.describe(),
        "trainings": [asdict(training) for training in trainings],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def row(trainings: Sequence[Training]) -> str:
    """A line of a Markdown table: name, cell, accuracies with intervals, seconds, memory, pace."""
    first = trainings[0]
    cells = [first.name, first.cell, str(len(trainings))]
    for kind in ("network", "linear", "combined"):
        values = [getattr(training, kind) for training in trainings]
        cells.append(_accuracy(values) if values[0] is not None else "")
    wall = [training.wall_s for training in trainings]
    cells.append(f"{sum(wall) / len(wall):.0f} ({min(wall):.0f} to {max(wall):.0f})")
    cells.append(f"{max(training.peak_bytes for training in trainings) / 1e9:.2f}")
    pace = [training.tokens_per_s for training in trainings]
    cells.append(f"{sum(pace) / len(pace) / 1e3:.0f}")
    return "| " + " | ".join(cells) + " |"


HEADER = (
    "| training | cell | seeds | network alone, % | linear alone, % | both, % | wall, s | "
    "memory, GB | 1,000 tokens/s |\n|---|---|---|---|---|---|---|---|---|"
)


def _accuracy(values: Sequence[float]) -> str:
    percent = [100 * value for value in values]
    if len(percent) < 2 or len(set(percent)) == 1:
        return f"{percent[0]:.2f}"
    interval = mean_interval(percent)
    return f"{interval.mean:.2f} ({interval.low:.2f} to {interval.high:.2f})"
