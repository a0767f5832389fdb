"""`tidegate train` on a file of millions of steps: memory, time to the first line and in all.

A table with a row a step is generated: series of three channels, of two classes that differ in the
frequency of the first. `tidegate train FILE` then runs in a process of its own, whose largest
resident memory the system tells.

    python benchmarks/long_series.py
    python benchmarks/long_series.py --steps 2000000 --format csv
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from train_file import MB
from training_process import train

LENGTH = 10_000
"""Steps of a series."""
SERIES_AT_ONCE = 50


def generate(path: Path, num_steps: int, seed: int = 0) -> None:
    """Write the table, some series at a time."""
    draws = np.random.default_rng(seed)
    writer: pa.parquet.ParquetWriter | pa.csv.CSVWriter | None = None
    steps = np.arange(LENGTH)
    for first in range(0, max(num_steps // LENGTH, 2), SERIES_AT_ONCE):
        numbers = range(first, min(first + SERIES_AT_ONCE, max(num_steps // LENGTH, 2)))
        speeds = [0.02 if number % 2 else 0.03 for number in numbers]
        waves = [np.sin(speed * steps + draws.uniform(0, 6)) for speed in speeds]
        count = LENGTH * len(waves)
        table = pa.table(
            {
                "machine": np.repeat([f"m{number}" for number in numbers], LENGTH),
                "t": np.tile(steps, len(waves)),
                "ax": (np.concatenate(waves) + draws.normal(size=count)).astype(np.float32),
                "ay": draws.normal(size=count).astype(np.float32),
                "az": draws.normal(size=count).astype(np.float32),
                "state": np.repeat(["slow" if n % 2 else "fast" for n in numbers], LENGTH),
            }
        )
        if writer is None:
            is_csv = path.suffix == ".csv"
            kind = pa.csv.CSVWriter if is_csv else pa.parquet.ParquetWriter
            writer = kind(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=20_000_000)
    parser.add_argument("--format", choices=("parquet", "csv"), default="parquet")
    parser.add_argument("--epochs", type=int, help="by default as many as the recipe adapts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / f"machines.{options.format}"
        generate(path, options.steps)
        print(f"{options.steps:,} steps, {path.stat().st_size / MB:,.0f} MB", flush=True)
        arguments = [str(path), "--series-id", "machine", "--time", "t", "--values", "ax,ay,az"]
        arguments += ["--label", "state", "--threads", str(options.threads)]
        if options.epochs:
            arguments += ["--epochs", str(options.epochs)]
        trained = train(arguments, folder / "run")
    figures = {
        "steps": options.steps,
        "format": options.format,
        "first_line_s": trained.first_line_s,
        "seconds": trained.seconds,
        "peak_mb": trained.peak_mb,
        "steps_per_s": trained.job["num_tokens"] / trained.job["training_s"],
        "test_accuracy": trained.job["metrics"]["accuracy"],
    }
    print(f"first line after {trained.first_line_s:.1f} s, done after {trained.seconds:,.0f} s")
    print(f"largest resident memory: {figures['peak_mb']:,.0f} MB")
    print(f"training: {figures['steps_per_s']:,.0f} steps a second")
    print(f"test accuracy of the network: {figures['test_accuracy']:.4f}")
    if options.out is not None:
        options.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
