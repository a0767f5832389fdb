"""Trainings in miniature through the command line, killed and resumed in children.

As a program (``python resume_samples.py OUT``) it kills ``tidegate train`` at every third file
operation in turn (at every one with ``TIDEGATE_KILL_EVERY=1``) and ``tidegate compare`` at random
times, resumes them until they end, and prints as JSON what came out of each. All children are
forked from one parent that has imported everything.
"""

import gc
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from checkpoint_samples import around_operations, kill_at
from conftest import write_reviews
from pretrained_samples import PRETRAINING, write_texts
from tidegate.cli.main import main
from tidegate.report import page
from training_samples import EVERYTHING

EVERY = int(os.environ.get("TIDEGATE_KILL_EVERY", "3"))
"""Operations from one kill to the next; 1 for all of them, which takes minutes."""

SMALL = {
    "vocabulary_size": 30,
    "max_length": 20,
    "embedding_dim": 6,
    "hidden_size": 5,
    "pretraining.epochs": 0,
    "training.epochs": 2,
    "batch_size": 8,
    "validation_share": 0.2,
    "linear_model.order": 2,
    "linear_model.min_count": 1,
}
TAUGHT = PRETRAINING | {
    "pretraining.epochs": 1,
    "training.epochs": 1,
    "self_training.epochs": 1,
    "self_training.copies": 1,
}
"""A language model, a network that begins with it, and one that learns from the first."""
OPTIONS = ["--threads", "1", "--checkpoint-every", "3"]
"""Of four steps: checkpoints after the second and fourth, which end an epoch, and the third."""


def settings(values):
    """As the command line takes them."""
    return [part for key, value in values.items() for part in ("--set", f"{key}={value}")]


def outcome(run):
    """Sums over what a finished run has found, times apart."""
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    assert results["status"] == "complete"
    files = sorted([*run.rglob("model.safetensors"), *run.rglob("history.jsonl")])
    found = {str(path.relative_to(run)): path.read_bytes() for path in files}
    found["predictions"] = (run / "predictions.npz").read_bytes()
    models = results["models"]
    for job in models:
        for clock in ("training_s", "wall_s", "pretraining_s", "step_ms", "inference_ms"):
            job.pop(clock, None)
        for epoch in [*job.get("history", []), *(job.get("teacher") or [])]:
            del epoch["training_s"], epoch["step_ms"]
    found["models"] = json.dumps(models).encode()
    return {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}


class Killer:
    """Begins runs in children that are killed, and resumes them.

    Args:
        begin: The arguments that begin a run, but for ``--out``.
    """

    def __init__(self, begin):
        self.begin = begin

    def finish(self, run):
        """Begin or resume ``run`` in this process; gives its outcome."""
        try:
            main(self._arguments(run))
        except SystemExit as stop:
            if stop.code:
                raise
        return outcome(run)

    def child(self, run, act=lambda number, name, operation, arguments: operation(*arguments)):
        """Begin or resume ``run`` in a child; gives its process id."""
        child = os.fork()
        if child:
            return child
        log = os.open(f"{run}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        code = 70
        try:
            with around_operations(act):
                main(self._arguments(run))
        except SystemExit as stop:
            code = stop.code
        finally:
            sys.stdout.flush()
            os._exit(code)

    def is_killed(self, child, run):
        """Wait for a child; whether it was killed before it ended, and well."""
        _, status = os.waitpid(child, 0)
        if status not in (0, signal.SIGKILL):
            told = Path(f"{run}.log").read_text(encoding="utf-8")
            raise RuntimeError(f"{run}: expected a run that ends or is killed, got:\n{told}")
        return status != 0

    def sweep(self, out, every=1):
        """Kill a fresh run at each operation, or some, in turn, resume it; gives the outcomes."""
        out.mkdir()
        found = []
        for target in range(1, 10_000, every):
            run = out / str(target)
            act = kill_at(target, half_written=target // every % 2 == 0)
            if not self.is_killed(self.child(run, act), run):
                return found
            found.append(self.finish(run))
        raise RuntimeError("expected a run of fewer operations")

    def at_random(self, out, seconds, num_runs):
        """Kill runs again and again after up to so many seconds; outcomes and number of kills."""
        out.mkdir()
        draws = np.random.default_rng(5)
        found, num_kills = [], 0
        for number in range(num_runs):
            run = out / str(number)
            for attempt in range(1000):
                child = self.child(run)
                # At first early, then later and later, so that it ends.
                time.sleep(draws.uniform(0, seconds * (1 + attempt / 8)))
                os.kill(child, signal.SIGKILL)
                if not self.is_killed(child, run):
                    break
                num_kills += 1
            found.append(outcome(run))
        return found, num_kills

    def _arguments(self, run):
        if (run / "run.json").exists():
            return [self.begin[0], "--resume", str(run)]
        return [*self.begin, "--out", str(run)]


if __name__ == "__main__":
    # A kill loses nothing that the system has taken, synced or not, and a sync takes long.
    os.fsync = lambda descriptor: None
    # The report is made of the results alone, and drawing it would take half of the time.
    page.write = lambda run: run / page.FILE_NAME
    parent = Path(sys.argv[1])
    reviews = write_reviews(parent / "aclImdb", num_per_class=10)
    options = ["imdb", "--data", str(reviews), *OPTIONS, *settings(SMALL | EVERYTHING)]
    train = Killer(["train", *options])
    texts = ["--unlabelled", str(write_texts(parent / "texts.txt"))]
    taught = Killer(["train", *options, *texts, *settings(TAUGHT)])
    compare = Killer(["compare", *options, "--recipe", "default", "--cells", "lstm,gru-before"])
    # The first run imports what all others are forked with.
    report = {"train": [train.finish(parent / name) for name in ("train", "again")]}
    gc.collect()
    gc.freeze()  # a collection in a child would copy the memory that it shares
    report["killed"] = train.sweep(parent / "killed", every=EVERY)
    report["taught"] = [taught.finish(parent / "taught")]
    report["killed taught"] = taught.sweep(parent / "killed taught", every=29)
    report["left over"] = [
        str(path.relative_to(parent))
        for path in (parent / "killed taught").rglob("*")
        if path.name.startswith((".", "step-", "corpus"))
    ]
    begin = time.perf_counter()
    report["compare"] = [compare.finish(parent / "compare")]
    seconds = time.perf_counter() - begin
    report["at random"], report["num_kills"] = compare.at_random(
        parent / "random", seconds, num_runs=5
    )
    print(json.dumps(report))
