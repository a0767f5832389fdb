"""The memory that a training takes, estimated from its recipe before anything is allocated.

An estimate counts what grows with the recipe's values, and not the interpreter, its packages and
the texts, which are in memory already. Python's integers are used, which no size overflows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tidegate.cells import NUM_GATES
from tidegate.training.pretraining import Pretraining
from tidegate.training.recipe import Recipe

FLOAT = 4
"""Bytes of a float32."""
MOMENTS = 2
"""Adam keeps two moments of every parameter."""
COPIES = 3
"""Copies of the parameters and moments while a checkpoint is made: themselves, their bytes, and the
bytes of the file."""
EVALUATION_TOKENS = 32_768
"""The most tokens of a batch in evaluation, as in the training loop."""


@dataclass(frozen=True)
class Sizes:
    """Sizes that the estimate needs beside the recipe: of the cell, the vocabularies, the texts."""

    cell: str
    vocabulary_size: int
    bigram_vocabulary_size: int
    num_texts: int
    """Number of texts of all parts."""
    num_trained_on: int
    """Number of texts of the training part."""
    num_tokens: int
    """Number of tokens of all texts, before they are cut to ``text.max_length``."""
    longest: int
    """Number of tokens of the longest text, before it is cut."""


@dataclass(frozen=True)
class Footprint:
    """The memory and the number of parameters of a training."""

    num_parameters: int
    parts: Mapping[str, int]
    """Bytes by purpose, under the names of :data:`CAUSES`."""

    @property
    def num_bytes(self) -> int:
        """The sum of all parts."""
        return sum(self.parts.values())

    @property
    def largest(self) -> str:
        """The name of the part that takes most."""
        return max(self.parts, key=lambda name: self.parts[name])


CAUSES = {
    "embedding": ("text.vocabulary_size", "network.embedding_dim"),
    "embedding of pairs": ("text.bigram_vocabulary_size", "network.embedding_dim"),
    "recurrent layers": ("network.hidden_size", "network.num_layers"),
    "networks of the ensemble": ("training.ensemble", "network.hidden_size"),
    "states of a batch": ("training.batch_size", "text.max_length", "network.hidden_size"),
    "padded texts": ("text.max_length",),
    "layers of the language model": ("network.hidden_size", "network.embedding_dim"),
    "states of the language model": (
        "pretraining.streams",
        "pretraining.steps",
        "network.hidden_size",
    ),
}
"""The parts of a footprint, each with the recipe's keys that make it large."""


def of_classifier(recipe: Recipe, sizes: Sizes) -> Footprint:
    """The footprint of a network's training, or of those of an ensemble, one after the other."""
    d, D = recipe.network.embedding_dim, 2 if recipe.network.bidirectional else 1
    H, gates = recipe.network.hidden_size, NUM_GATES[sizes.cell]
    words, pairs = sizes.vocabulary_size * d, sizes.bigram_vocabulary_size * d
    layers = sum(D * _layer(gates, width, H) for width in _widths(recipe, D))
    # Numbers kept for each parameter. The gradients of embeddings are sparse: a batch's rows.
    kept = 1 + MOMENTS + (recipe.training.keep == "best") + (recipe.self_training.epochs > 0)
    longest = min(recipe.text.max_length or sizes.longest, sizes.longest)
    is_padded = recipe.text.padding == "front"
    if is_padded:
        longest = recipe.text.max_length
    whole = sizes.num_texts * longest if is_padded else sizes.num_tokens
    batch = min(min(recipe.training.batch_size, sizes.num_trained_on) * longest, whole)
    # The forward pass keeps gates, state and output, the backward pass adds the gradient of the
    # output; beside them are the layer's input and its gradient.
    a_step = sum(D * H * (gates + 3) + 2 * width for width in _widths(recipe, D))
    evaluated = min(max(EVALUATION_TOKENS, longest), whole) * (2 * D * H + d)
    parts = {
        "embedding": COPIES * kept * words,
        "embedding of pairs": COPIES * kept * pairs,
        # Beside the gradient, the engine packs the weights anew for each step.
        "recurrent layers": (COPIES * kept + 2) * layers,
        "networks of the ensemble": (recipe.training.ensemble - 1) * (words + pairs + layers),
        "states of a batch": max(batch * a_step, evaluated),
        # Two copies: while the texts are numbered, and while they are cut to the length.
        "padded texts": 2 * whole if is_padded else 0,
    }
    num_parameters = recipe.training.ensemble * (words + pairs + layers)
    return Footprint(num_parameters, {name: FLOAT * n for name, n in parts.items()})


def of_language_model(recipe: Recipe, sizes: Sizes) -> Footprint:
    """The footprint of the training of the language model that the network starts from."""
    d, D = recipe.network.embedding_dim, 2 if recipe.network.bidirectional else 1
    H, gates = recipe.network.hidden_size, NUM_GATES[sizes.cell]
    words, layers = sizes.vocabulary_size * (d + 1), D * (_layer(gates, d, H) + (H + 1) * d)
    tokens = min(recipe.pretraining.streams * recipe.pretraining.steps, sizes.num_tokens)
    candidates = min(Pretraining.num_negatives, sizes.vocabulary_size)
    parts = {
        # This exceeds the copies of the table that are made when its statistics are measured.
        "embedding": COPIES * (1 + MOMENTS) * words,
        "layers of the language model": (COPIES * (1 + MOMENTS) + 2) * layers,
        "states of the language model": tokens * (H * (gates + 3) + 4 * d) + 3 * candidates * d,
    }
    return Footprint(words + layers, {name: FLOAT * n for name, n in parts.items()})


def _layer(gates: int, width: int, H: int) -> int:
    """The number of parameters of one layer and direction, with both biases."""
    return gates * H * (width + H + 2)


def _widths(recipe: Recipe, D: int) -> Iterator[int]:
    """The input size of every recurrent layer."""
    yield recipe.network.embedding_dim
    for _ in range(recipe.network.num_layers - 1):
        yield D * recipe.network.hidden_size
