"""Recipes: every value of a training, by name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The values of one training."""

    name: str
    vocabulary_size: int
    """Number of ids, the four reserved ones included."""
    max_length: int
    """Longer texts keep their last tokens, this many; shorter ones are padded in front."""
    embedding_dim: int
    hidden_size: int
    batch_size: int
    epochs: int
    validation_share: float
    """Of the training part, taken from its end."""
    learning_rate: float
    betas: tuple[float, float]
    epsilon: float
    """Added to the root of Adam's second moment before its bias is corrected, as Keras does."""


NOTEBOOK = Recipe(
    name="notebook",
    vocabulary_size=10_000,
    max_length=200,
    embedding_dim=128,
    hidden_size=128,
    batch_size=32,
    epochs=5,
    validation_share=0.2,
    learning_rate=1e-3,
    betas=(0.9, 0.999),
    epsilon=1e-7,
)
"""The notebook's protocol to the letter: no mask, so the network reads the padding."""

RECIPES = {recipe.name: recipe for recipe in [NOTEBOOK]}
