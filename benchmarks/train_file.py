"""`tidegate train` on a file of millions of short texts: memory, time to the first line and in all.

A CSV file is generated: every text has 3 to 12 words drawn from the sentences of one of two
classes. `tidegate train FILE` then runs in a process of its own, whose largest resident memory the
system tells.

    python benchmarks/train_file.py
    python benchmarks/train_file.py --rows 200000 --recipe fast
"""

import argparse
import csv
import json
import tempfile
from pathlib import Path

import numpy as np

from tidegate.data import sources
from training_process import train

MB = 1 << 20


def generate(path: Path, rows: int, seed: int = 0) -> None:
    """Write a CSV file of short texts of two classes."""
    draws = np.random.default_rng(seed)
    given = sources.load("rotten-tomatoes").train
    of_class = [
        np.array(
            " ".join(
                text
                for text, label in zip(given.texts, given.labels.tolist(), strict=True)
                if label == number
            ).split(),
            np.object_,
        )
        for number in (0, 1)
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for _ in range(rows):
            label = int(draws.integers(2))
            words = of_class[label]
            chosen = words[draws.integers(0, len(words), draws.integers(3, 13))]
            writer.writerow([" ".join(chosen.tolist()), ("neg", "pos")[label]])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "texts.csv"
        generate(path, options.rows)
        print(f"{options.rows:,} texts, {path.stat().st_size / MB:,.0f} MB", flush=True)
        arguments = [str(path), "--recipe", options.recipe, "--threads", str(options.threads)]
        trained = train(arguments, folder / "run")
    figures = {
        "rows": options.rows,
        "first_line_s": trained.first_line_s,
        "seconds": trained.seconds,
        "peak_mb": trained.peak_mb,
        "test_accuracy": trained.job["metrics"]["accuracy"],
    }
    print(f"first line after {trained.first_line_s:.1f} s, done after {trained.seconds:,.0f} s")
    print(f"largest resident memory: {figures['peak_mb']:,.0f} MB")
    print(f"test accuracy of the network: {figures['test_accuracy']:.4f}")
    if options.out is not None:
        options.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
