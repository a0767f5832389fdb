"""What the tests of training share: a small recipe, examples of ids, a callback without a voice."""

import numpy as np

from tidegate.data.bigrams import Bigrams
from tidegate.data.examples import Examples
from tidegate.data.ragged import Ragged
from tidegate.runs.events import StudentBegins
from tidegate.training import network
from tidegate.training.events import Notice, TrainingBegins
from tidegate.training.history import Epoch, Step
from tidegate.training.recipe import load

V = 30
PLAIN = load("default").with_values(
    {
        "vocabulary_size": V,
        "bigram_vocabulary_size": 0,
        "embedding_dim": 6,
        "hidden_size": 5,
        "pooling": "last",
        "bidirectional": False,
        "dropout.word": 0,
        "dropout.input": 0,
        "dropout.head": 0,
        "training.epochs": 2,
        "batch_size": 8,
        "adversarial_norm": 0,
        "clip_norm": 0,
        "embedding_update": "dense",
        "schedule": "constant",
        "pretraining.epochs": 0,
        "linear_model.order": 0,
    }
)
"""The default recipe made small, and without most of what it has."""
EVERYTHING = {
    "bigram_vocabulary_size": 20,
    "num_layers": 2,
    "bidirectional": True,
    "residual": True,
    "pooling": "mean+max",
    "dropout.word": 0.1,
    "dropout.embedding": 0.1,
    "dropout.input": 0.1,
    "dropout.variational": 0.1,
    "dropout.recurrent": 0.1,
    "dropout.head": 0.1,
    "weight_decay": 0.01,
    "schedule": "one-cycle",
    "warmup_share": 0.3,
    "clip_norm": 1,
    "label_smoothing": 0.1,
    "class_weights": "balanced",
    "adversarial_norm": 1,
    "keep": "best",
}
"""Values with all that has a state or draws."""


def silent(event):
    """Hears everything and says nothing."""


class Listener:
    """Gives steps, epochs and notices to a method each, if it has one."""

    def __call__(self, event):
        names = {Step: "step_ends", Epoch: "epoch_ends", Notice: "notice"}
        names |= {StudentBegins: "student_begins", TrainingBegins: "training_begins"}
        hear = getattr(self, names.get(type(event), ""), silent)
        hear(event)


def examples(count=60, *, longest=9, with_bigrams=False, seed=7):
    """Sequences of unequal length that are positive when they hold more high ids than low ones."""
    draws = np.random.default_rng(seed)
    rows = [draws.integers(1, V, size=length) for length in draws.integers(2, longest, count)]
    words = Ragged.from_rows([row.tolist() for row in rows])
    targets = np.array([np.mean(row) > (V - 1) / 2 for row in rows]).astype(np.int64)
    inputs = {"token_ids": words}
    if with_bigrams:
        inputs["bigram_ids"] = Bigrams.build(words, V, 20, unknown=2).encode(words)
    return Examples(inputs, targets)


def make(cell, recipe, seed=0):
    """An untrained network over the ids of :func:`examples`."""
    return network.make(
        cell,
        recipe,
        seed,
        vocabulary_size=V,
        bigram_vocabulary_size=recipe.text.bigram_vocabulary_size,
    )


def accuracy(logits, labels):
    """The share of examples on the right side of 0."""
    return np.mean((logits > 0) == (labels == 1))


def cross_entropy(logits, labels):
    """The mean negative logarithm of the probability given to the true class, in nats."""
    return np.mean(np.logaddexp(0, np.where(labels == 1, -logits, logits)))
