"""Run by a test: train on a corpus from disk with less memory than the corpus has bytes.

The limit is on what a process has for data of its own; the pages of a file's map are the
system's, which takes them back when it needs them.
"""

import json
import resource
import sys
from pathlib import Path

import numpy as np
import torch

import tidegate
from tidegate.data.examples import Examples
from tidegate.data.ragged import Ragged, offsets_of
from tidegate.training import network, optimisers
from tidegate.training.classification import fit
from tidegate.training.recipe import load
from training_samples import Listener

NUM_TEXTS, LENGTH, NUM_IDS = 100_000, 200, 50
ALLOWED_BYTES = 48 << 20
STEPS = 120


class Enough(Exception):
    """So many steps are made."""


class Watch(Listener):
    """Keeps the losses, and stops early."""

    def __init__(self):
        self.losses = []

    def step_ends(self, step):
        self.losses.append(step.loss)
        if len(self.losses) == STEPS:
            raise Enough


def data_bytes():
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmData:")[2].split()[0])


def generate(folder):
    """Texts of which the positive ones have more high ids, as two files."""
    values = np.lib.format.open_memmap(folder / "values.npy", "w+", np.int32, (NUM_TEXTS * LENGTH,))
    labels = np.arange(NUM_TEXTS) % 2
    draws = np.random.default_rng(0)
    for start in range(0, NUM_TEXTS, 1_000):
        ids = draws.integers(4, NUM_IDS, (1_000, LENGTH))
        high = draws.integers(NUM_IDS // 2, NUM_IDS, (1_000, LENGTH))
        is_high = draws.random((1_000, LENGTH)) < 0.3 * labels[start : start + 1_000, None]
        values[start * LENGTH : (start + 1_000) * LENGTH] = np.where(is_high, high, ids).reshape(-1)
    values.flush()
    return labels


folder = Path(sys.argv[1])
torch.set_num_threads(1)
tidegate.set_num_threads(1)
labels = generate(folder)
values = np.load(folder / "values.npy", mmap_mode="r")
lengths = np.full(NUM_TEXTS, LENGTH)
lengths[-1] -= 1  # of unequal length: batched by length
words = Ragged(values, offsets_of(lengths))
recipe = load("default").with_values(
    {
        "embedding_dim": 8,
        "hidden_size": 8,
        "bigram_vocabulary_size": 0,
        "adversarial_norm": 0,
        "training.learning_rate": 0.02,
        "embedding_learning_rate": 0.02,
        "schedule": "constant",
    }
)
model = network.make("gru", recipe, 0, vocabulary_size=NUM_IDS)
few = Examples({"token_ids": words}, labels).take(slice(0, 64))
optimisers.make(model, recipe.training)  # what libraries set up at first use, they have set up
limit = data_bytes() + ALLOWED_BYTES
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
watch = Watch()
try:
    fit(model, recipe, Examples({"token_ids": words}, labels), few, seed=0, callback=watch)
except Enough:
    pass
try:
    np.array(values)
    whole = "it fits"
except MemoryError:
    whole = "MemoryError"
print(
    json.dumps(
        {
            "corpus_bytes": values.nbytes,
            "allowed_bytes": ALLOWED_BYTES,
            "losses": watch.losses,
            "whole": whole,
        }
    )
)
