"""The Predictor beside the network in PyTorch: do they agree, and which is faster?

For every recipe a network is trained for an epoch on some reviews, then both answer the 5,000 test
reviews, in turns, text in and probability out: the largest difference of a probability, and reviews
a second of each, the median of the rounds. Then, in new processes, the time from the start of
Python to the answer to one text, and the share of it that imports take.

    python benchmarks/predictor.py
    python benchmarks/predictor.py --recipes default --limit 20000 --rounds 5
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median

import numpy as np
import torch

import tidegate
from tidegate.data import sources
from tidegate.data.examples import Examples
from tidegate.data.tokenise import split
from tidegate.inference.predictor import Predictor
from tidegate.model.classifier import SequenceClassifier
from tidegate.training.classification import predict

ANSWER = """
import time
begin = time.perf_counter()
import sys, tidegate
from tidegate.inference import predictor
imported = time.perf_counter()
model = tidegate.load(sys.argv[1])
loaded = time.perf_counter()
model.predict(["A film to remember."])
print(imported - begin, loaded - imported, time.perf_counter() - loaded)
"""


def train(recipe: str, limit: int, folder: Path) -> Path:
    """Train a GRU for an epoch; gives its model folder."""
    arguments = ["--recipe", recipe, "--limit", str(limit), "--epochs", "1", "--out", str(folder)]
    if recipe in ("default", "best", "causal"):
        arguments += ["--set", "pretraining.epochs=1", "--set", "self_training.epochs=0"]
    command = [sys.executable, "-m", "tidegate", "train", "imdb", *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "models" / "gru-seed0"


def in_pytorch(model: Predictor, texts: list[str]) -> np.ndarray:
    """The probabilities of the network alone, by PyTorch, from texts on."""
    folder = model.folder
    network = SequenceClassifier(**asdict(folder.architecture), kind=folder.task.kind)
    weights = {name: torch.from_numpy(tensor) for name, tensor in folder.tensors.items()}
    network.load_state_dict(weights)
    words = split(texts, folder.preprocessor.vocabulary.tokeniser)
    examples = Examples(folder.preprocessor.transform_words(words), np.zeros(len(texts)))
    return folder.task.probabilities(predict(network, examples)[0])


def compare(model: Predictor, texts: list[str], rounds: int) -> str:
    """A line: the largest difference, and reviews a second of both."""
    ways = {
        "predictor": lambda: model.predict_proba(texts, part="network"),
        "pytorch": lambda: in_pytorch(model, texts),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found = {}
    for _ in range(rounds):
        for name, way in ways.items():
            begin = time.perf_counter()
            found[name] = way()
            seconds[name].append(time.perf_counter() - begin)
    difference = np.abs(found["predictor"] - found["pytorch"]).max()
    rates = {name: len(texts) / median(values) for name, values in seconds.items()}
    ratio = median(b / a for a, b in zip(seconds["predictor"], seconds["pytorch"], strict=True))
    return f"{difference:10.1e} {rates['predictor']:14,.0f} {rates['pytorch']:14,.0f} {ratio:10.2f}"


def start(path: Path, rounds: int) -> str:
    """From the start of Python to the answer to one text, and what takes it."""
    wholes, parts = [], []
    for _ in range(rounds):
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", ANSWER, str(path)], check=True, capture_output=True, text=True
        )
        wholes.append(time.perf_counter() - begin)
        parts.append([float(part) for part in done.stdout.split()])
    imports, loading, answer = (median(column) for column in zip(*parts, strict=True))
    whole = median(wholes)
    return (
        f"{whole:.3f} s from process start to one answer: imports {imports:.3f} s "
        f"({imports / whole:.0%}), loading {loading:.3f} s, answering {answer:.3f} s"
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recipes", default="notebook,fast,default,best,causal")
    parser.add_argument("--limit", type=int, default=4000, help="reviews that train")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    tidegate.set_num_threads(options.threads)
    torch.set_num_threads(options.threads)
    texts = sources.load("imdb").test.texts
    print(
        f"{len(texts):,} test reviews, {options.threads} threads, {options.rounds} rounds in turns"
    )
    print(f"{'recipe':10}{'difference':>10} {'reviews/s':>14} {'by PyTorch':>14} {'ratio':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for recipe in options.recipes.split(","):
            path = train(recipe, options.limit, Path(folder) / recipe)
            model = tidegate.load(path)
            print(f"{recipe:10}{compare(model, texts, options.rounds)}", flush=True)
            print(f"{'':10}{start(path, 2 * options.rounds + 1)}", flush=True)


if __name__ == "__main__":
    main()
