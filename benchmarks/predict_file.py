"""`tidegate predict` on a large file: memory, rows a second, and what the engine alone would do.

A model of the recipe `default` is trained on some sentences. A CSV file of many rows is generated
from their words, 10 to 60 words a row, and `tidegate predict FILE --out ...` runs over it in a
process of its own, whose largest resident memory the system tells. The same rows then go, in this
process, through the steps alone, in the chunks that the verb works in: texts to ids ("tokenising"),
and ids to outputs ("engine"). Last: what the verb takes beyond tokenising, against the engine.

    python benchmarks/predict_file.py
    python benchmarks/predict_file.py --rows 100000 --recipe fast
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import tidegate
from tidegate.data import sources
from tidegate.inference.predict_rows import CHUNK_ROWS

MB = 1 << 20


def train(recipe: str, folder: Path) -> Path:
    """A model for the answers; gives its folder."""
    arguments = ["train", "rotten-tomatoes", "--recipe", recipe, "--out", str(folder)]
    settings = ["--epochs", "1", "--set", "pretraining.epochs=0"]
    command = [sys.executable, "-m", "tidegate", *arguments, *settings]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "models" / "gru-seed0"


def generate(path: Path, rows: int, seed: int = 0) -> None:
    """Write a CSV file of rows with an id and a text."""
    draws = np.random.default_rng(seed)
    words = np.array(" ".join(sources.load("rotten-tomatoes").train.texts).split(), np.object_)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        for start in range(0, rows, 10_000):
            count = min(10_000, rows - start)
            lengths = draws.integers(10, 61, count)
            taken = iter(words[draws.integers(0, len(words), lengths.sum())].tolist())
            for number, length in enumerate(lengths.tolist()):
                text = " ".join(next(taken) for _ in range(length))
                writer.writerow([start + number, text])


def predict(model: Path, path: Path, out: Path, threads: int) -> tuple[float, int]:
    """Seconds and the largest resident bytes of the verb."""
    arguments = ["predict", str(model), str(path), "--out", str(out), "--threads", str(threads)]
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "tidegate", *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"tidegate predict ended with {process.returncode}")
    return time.perf_counter() - begin, usage.ru_maxrss * 1024


def steps(model: Path, path: Path) -> tuple[float, float]:
    """Seconds of tokenising and of the engine for the rows of a file, in the verb's chunks."""
    predictor = tidegate.load(model)
    tokenising = engine = 0.0

    def run(texts: list[str]) -> None:
        nonlocal tokenising, engine
        begin = time.perf_counter()
        inputs, _ = predictor.folder.preprocessor.read(texts)
        middle = time.perf_counter()
        predictor.outputs_of(inputs)
        tokenising += middle - begin
        engine += time.perf_counter() - middle

    with path.open(newline="", encoding="utf-8") as file:
        reader, chunk = csv.reader(file), []
        next(reader)
        for _, text in reader:
            chunk.append(text)
            if len(chunk) == CHUNK_ROWS:
                run(chunk)
                chunk = []
        if chunk:
            run(chunk)
    return tokenising, engine


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    options = parser.parse_args()
    tidegate.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = train(options.recipe, folder / "run")
        path, out = folder / "rows.csv", folder / "answers.csv"
        generate(path, options.rows)
        size = path.stat().st_size
        print(f"{options.rows:,} rows, {size / MB:,.0f} MB; recipe {options.recipe}", flush=True)
        whole, peak = predict(model, path, out, options.threads)
        with out.open(encoding="utf-8") as file:
            written = sum(1 for _ in file) - 1
        tokenising, engine = steps(model, path)
    figures = {
        "rows": options.rows,
        "rows_written": written,
        "seconds": whole,
        "rows_per_s": options.rows / whole,
        "peak_mb": peak / MB,
        "tokenising_s": tokenising,
        "engine_s": engine,
        "engine_rows_per_s": options.rows / engine,
        "share_of_engine_rate": engine / (whole - tokenising),
        "peak_of_this_process_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(f"tidegate predict: {whole:.1f} s, {options.rows / whole:,.0f} rows/s, {written:,} rows")
    print(f"largest resident memory: {peak / MB:,.0f} MB")
    print(f"tokenising alone {tokenising:.1f} s, the engine alone {engine:.1f} s")
    print(f"rows/s without tokenising, over the engine's: {figures['share_of_engine_rate']:.2f}")
    if options.out is not None:
        options.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
