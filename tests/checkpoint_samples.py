"""A training in miniature that saves every step, and ways to stop it at any file operation.

As a program (``python checkpoint_samples.py OUT``) it kills that training at every operation in
turn, in children forked from one light parent, and prints what it did as JSON.
"""

import hashlib
import inspect
import json
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tidegate.storage import files
from tidegate.storage.checkpoint import Checkpoints
from tidegate.storage.log import HistoryLog

FINGERPRINT = {
    "configuration": {"cell": "gru", "learning_rate": 0.001},
    "data": {"sha256": "5e1f"},
    "exactness": {"torch": "2.13.0", "isa": "avx2", "threads": 2},
}
NUM_STEPS = 3  # the third is the first to remove an older checkpoint
OPERATIONS = [
    name
    for name, member in inspect.getmembers(files, inspect.isfunction)
    if member.__module__ == files.__name__
]


def first_tensors():
    """Parameters and optimiser state of step 0, of many dtypes; one has no dimension."""
    return {
        "weight": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4),
        "moment": np.array([0.1, -0.0, np.inf, 5e-324]),
        "mask": np.arange(8, dtype=np.uint8),
        "step": np.array(0, dtype=np.int64),
    }


def next_tensors(tensors):
    """One step of training: each bit depends on those before."""
    return {
        "weight": (tensors["weight"] * np.float32(1.1) + np.float32(0.01)).astype(np.float32),
        "moment": tensors["moment"] * 0.9 + 0.3,
        "mask": np.roll(tensors["mask"], 1),
        "step": np.asarray(tensors["step"] + 1),
    }


def train(run, *, num_steps=NUM_STEPS, notify=print, saved=lambda step: None):
    """Train in the folder ``run`` to ``num_steps``, from its newest checkpoint if it has one.

    ``saved`` is called with the step after every checkpoint.
    """
    with Checkpoints(run / "checkpoints", fingerprint=FINGERPRINT) as checkpoints:
        found = checkpoints.newest(notify)
        step, tensors, length = 0, first_tensors(), 0
        if found is not None:
            step, tensors, length = found.step, found.tensors, found.state["log"]
        with HistoryLog(run / "history.jsonl", num_bytes=length) as log:
            while step < num_steps:
                step, tensors = step + 1, next_tensors(tensors)
                log.append({"step": step, "loss": float(tensors["weight"].sum())})
                checkpoints.save(step, tensors, {"log": log.sync(), "best": 0.1 * step})
                saved(step)


def contents(run):
    """Every file of a run with its bytes, but for the lock's."""
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def digest(tensors):
    """A sum over names, dtypes, shapes and bytes."""
    parts = (
        f"{name} {tensor.dtype} {tensor.shape}".encode() + tensor.tobytes()
        for name, tensor in sorted(tensors.items())
    )
    return hashlib.sha256(b"|".join(parts)).hexdigest()


def expected_digest(step):
    """The sum of the tensors after ``step`` steps."""
    tensors = first_tensors()
    for _ in range(step):
        tensors = next_tensors(tensors)
    return digest(tensors)


@contextmanager
def around_operations(act):
    """Call ``act(number, name, operation, arguments)`` for every operation, the first number 1."""
    originals = {name: getattr(files, name) for name in OPERATIONS}
    number = 0

    def replacement(name):
        def operation(*arguments):
            nonlocal number
            number += 1
            return act(number, name, originals[name], arguments)

        return operation

    try:
        for name in OPERATIONS:
            setattr(files, name, replacement(name))
        yield
    finally:
        for name, original in originals.items():
            setattr(files, name, original)


def kill_at(target, *, half_written):
    """An ``act`` that kills this process before operation ``target``, or in the middle of it."""

    def act(number, name, operation, arguments):
        if number == target:
            if half_written and name == "write":
                operation(arguments[0], arguments[1][: len(arguments[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return operation(*arguments)

    return act


def is_killed(run, target, *, half_written):
    """Train in a child; whether it was killed at operation ``target`` or ended before."""
    child = os.fork()
    if child == 0:
        with around_operations(kill_at(target, half_written=half_written)):
            train(run)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status not in (0, signal.SIGKILL):
        raise RuntimeError(f"{run}: expected a training that ends or is killed, got {status}")
    return status != 0


def sweep(out, *, half_written):
    """Kill a fresh training at every operation; run ``out/K`` is left as the kill left it."""
    for target in range(1, 10_000):
        run = out / str(target)
        run.mkdir(parents=True)
        if not is_killed(run, target, half_written=half_written):
            return target - 1
    raise RuntimeError("expected a training of fewer operations")


def kill_again_and_again(out, num_runs=25):
    """Kill runs ``out/K`` at random operations until each ends; gives the number of kills."""
    targets = np.random.default_rng(11)
    num_kills = 0
    for number in range(num_runs):
        run = out / str(number)
        run.mkdir(parents=True)
        while is_killed(run, int(targets.integers(1, 60)), half_written=True):
            num_kills += 1
    return num_kills


if __name__ == "__main__":
    # A kill loses nothing that the system has taken, synced or not, and a sync takes long.
    os.fsync = lambda descriptor: None
    parent = Path(sys.argv[1])
    numbers = {
        "before": sweep(parent / "before", half_written=False),
        "within": sweep(parent / "within", half_written=True),
        "again": kill_again_and_again(parent / "again"),
    }
    print(json.dumps(numbers))
