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
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

import numpy as np

from tidegate.data import sources

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


def pass_on(stream: IO[str], first: list[float], begin: float) -> None:
    """Print what the training says, and note when it said the first."""
    for line in stream:
        if not first:
            first.append(time.perf_counter() - begin)
        print(f"  {line}", end="", flush=True)


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
        arguments = ["train", str(path), "--recipe", options.recipe, "--out", str(folder / "run")]
        arguments += ["--threads", str(options.threads)]
        begin, first = time.perf_counter(), []
        process = subprocess.Popen(
            [sys.executable, "-m", "tidegate", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        reader = threading.Thread(target=pass_on, args=(process.stderr, first, begin))
        reader.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        reader.join()
        seconds = time.perf_counter() - begin
        if process.returncode:
            raise SystemExit(f"tidegate train ended with {process.returncode}")
        models = json.loads((folder / "run" / "results.json").read_text())["models"]
        job = next(model for model in models if model["kind"] == "recurrent")
    figures = {
        "rows": options.rows,
        "first_line_s": first[0],
        "seconds": seconds,
        "peak_mb": usage.ru_maxrss / 1024,
        "test_accuracy": job["metrics"]["accuracy"],
    }
    print(f"first line after {first[0]:.1f} s, done after {seconds:,.0f} s")
    print(f"largest resident memory: {figures['peak_mb']:,.0f} MB")
    print(f"test accuracy of the network: {figures['test_accuracy']:.4f}")
    if options.out is not None:
        options.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
