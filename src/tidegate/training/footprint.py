"""How much memory a training takes, estimated from its recipe before anything is made.

Whole numbers of Python's, which no size overflows. What an estimate counts is what grows with a
recipe's values; the interpreter, its packages and the texts themselves are there already.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tidegate.cells import NUM_GATES
from tidegate.training.pretraining import Pretraining
from tidegate.training.recipe import Recipe

FLOAT = 4
"""Bytes of a number."""
MOMENTS = 2
"""Adam's, for every parameter."""
COPIES = 3
"""Of what is kept: itself, and while a checkpoint is made its bytes and those of the file."""
EVALUATION_TOKENS = 32_768
"""As of the training loop, at most so many positions are looked at at once."""


@dataclass(frozen=True)
class Sizes:
    """What the recipe alone does not tell."""

    cell: str
    vocabulary_size: int
    bigram_vocabulary_size: int
    num_texts: int
    """Of all parts."""
    num_trained_on: int
    num_tokens: int
    """Of all texts, uncut."""
    longest: int
    """Tokens of the longest text, uncut."""


@dataclass(frozen=True)
class Footprint:
    """The memory of a training, and how many numbers it moves."""

    num_parameters: int
    parts: Mapping[str, int]
    """Bytes, by what they are for: a name of :data:`CAUSES`."""

    @property
    def num_bytes(self) -> int:
        return sum(self.parts.values())

    @property
    def largest(self) -> str:
        """The name of the part that takes most."""
        return max(self.parts, key=lambda name: self.parts[name])


CAUSES = {
    "embedding": ("text.vocabulary_size", "network.embedding_dim"),
    "embedding of pairs": ("text.bigram_vocabulary_size", "network.embedding_dim"),
    "recurrent layers": ("network.hidden_size", "network.num_layers"),
    "states of a batch": ("training.batch_size", "text.max_length", "network.hidden_size"),
    "padded texts": ("text.max_length",),
    "layers of the language model": ("network.hidden_size", "network.embedding_dim"),
    "states of the language model": (
        "pretraining.streams",
        "pretraining.steps",
        "network.hidden_size",
    ),
}
"""The parts of a footprint, each with the values of the recipe that make it large."""


def of_classifier(recipe: Recipe, sizes: Sizes) -> Footprint:
    """Of a network's training by the loop, one network at a time."""
    d, D = recipe.network.embedding_dim, 2 if recipe.network.bidirectional else 1
    H, gates = recipe.network.hidden_size, NUM_GATES[sizes.cell]
    words, pairs = sizes.vocabulary_size * d, sizes.bigram_vocabulary_size * d
    layers = sum(D * _layer(gates, width, H) for width in _widths(recipe, D))
    # The numbers that are kept of each parameter; the gradients of tables are of a batch's rows.
    kept = 1 + MOMENTS + (recipe.training.keep == "best") + (recipe.self_training.epochs > 0)
    longest = min(recipe.text.max_length or sizes.longest, sizes.longest)
    is_padded = recipe.text.padding == "front"
    if is_padded:
        longest = recipe.text.max_length
    whole = sizes.num_texts * longest if is_padded else sizes.num_tokens
    batch = min(min(recipe.training.batch_size, sizes.num_trained_on) * longest, whole)
    # Forward keeps the gates, the state and the output for backward, which makes gradients of the
    # latter; a layer's input and its gradient are there as well.
    a_step = sum(D * H * (gates + 3) + 2 * width for width in _widths(recipe, D))
    looked_at = min(max(EVALUATION_TOKENS, longest), whole) * (2 * D * H + d)
    parts = {
        "embedding": COPIES * kept * words,
        "embedding of pairs": COPIES * kept * pairs,
        # Beside the gradient, the engine packs the weights anew for each step.
        "recurrent layers": (COPIES * kept + 2) * layers,
        "states of a batch": max(batch * a_step, looked_at),
        # As they are numbered, and as they are cut.
        "padded texts": 2 * whole if is_padded else 0,
    }
    return Footprint(words + pairs + layers, {name: FLOAT * n for name, n in parts.items()})


def of_language_model(recipe: Recipe, sizes: Sizes) -> Footprint:
    """Of the training of the language model that the network begins with."""
    d, D = recipe.network.embedding_dim, 2 if recipe.network.bidirectional else 1
    H, gates = recipe.network.hidden_size, NUM_GATES[sizes.cell]
    words, layers = sizes.vocabulary_size * (d + 1), D * (_layer(gates, d, H) + (H + 1) * d)
    tokens = min(recipe.pretraining.streams * recipe.pretraining.steps, sizes.num_tokens)
    candidates = min(Pretraining.num_negatives, sizes.vocabulary_size)
    parts = {
        # More than the copies of the table that are made when it is measured.
        "embedding": COPIES * (1 + MOMENTS) * words,
        "layers of the language model": (COPIES * (1 + MOMENTS) + 2) * layers,
        "states of the language model": tokens * (H * (gates + 3) + 4 * d) + 3 * candidates * d,
    }
    return Footprint(words + layers, {name: FLOAT * n for name, n in parts.items()})


def _layer(gates: int, width: int, H: int) -> int:
    """The parameters of one layer and direction, with both biases."""
    return gates * H * (width + H + 2)


def _widths(recipe: Recipe, D: int) -> Iterator[int]:
    """What each recurrent layer reads of a step."""
    yield recipe.network.embedding_dim
    for _ in range(recipe.network.num_layers - 1):
        yield D * recipe.network.hidden_size
