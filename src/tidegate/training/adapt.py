"""Values of a recipe that follow from the number and the length of the texts.

The values of the recipe ``default`` were chosen for IMDB: 18,000 long reviews train. They stay
where an epoch reads from :data:`FEW` to :data:`MANY` tokens. Fewer make too few steps for them, and
language models of them need smaller steps too; more would take hours. Without PyTorch.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import ceil
from typing import Any

from tidegate.data.text_shape import TextShape
from tidegate.training.recipe import Recipe

FEW, MANY = 350_000, 8_000_000
"""Tokens that an epoch reads."""
VERY_MANY = 40_000_000
FEWEST_FOR_A_LANGUAGE_MODEL, MOST_FOR_A_LANGUAGE_MODEL = 20_000, 120_000_000
"""Tokens."""
OFTEN = 50
"""How often each distinct token stands in the texts, on average, where tokens are characters."""
NUM_STEPS = 1_000
"""Of a training on few texts."""
SHORT = 60
"""Tokens of a text, below which n-grams of three say no more than those of two."""
ENOUGH_TO_VALIDATE = 4_000
"""Texts of which a twentieth validates."""
LONGEST_READ = 2_000
"""Tokens of a text, where most texts are longer than the recipe's ``text.max_length``."""
MOST_NGRAMS, MOST_LINEAR = 20_000_000, 50_000_000
"""N-grams of all texts that a linear model learns in 1.5 GB; times classes, in some minutes."""

_PHRASES = {
    "text.max_length": "the last {} tokens of a text are read",
    "network.hidden_size": "{} units",
    "dropout.word": "a word dropout of {}",
    "dropout.input": "an input dropout of {}",
    "training.epochs": "{} epochs",
    "training.batch_size": "batches of {} texts",
    "training.validation_share": "a validation share of {}",
    "training.learning_rate": "a learning rate of {}",
    "training.embedding_learning_rate": "an embedding learning rate of {}",
    "training.embedding_update": "{} updates of embeddings",
    "training.adversarial_norm": "an adversarial norm of {}",
    "pretraining.epochs": "{} epochs of the language model",
    "pretraining.streams": "{} streams for the language model",
    "pretraining.steps": "windows of {} words for the language model",
    "pretraining.learning_rate": "a learning rate of {} for the language model",
    "linear_model.order": "a linear model on n-grams up to {}",
    "linear_model.min_count": "n-grams that {} texts have",
    "linear_model.C": "C of {} for the linear model",
}
"""What a value is, in a sentence; the keys that may change."""
_LEFT_OUT = {
    "dropout.word": "no word dropout",
    "pretraining.epochs": "no language model",
    "linear_model.order": "no linear model",
}
"""The same of 0."""


def adapt(recipe: Recipe, shape: TextShape, keep: Collection[str] = ()) -> Recipe:
    """A recipe with the values that follow from the texts, and why.

    Args:
        recipe: Where its ``training.adapt`` is false, it stays as it is.
        shape: Of the texts that train.
        keep: Keys that stay as they are, beside those that the user gave.

    Returns:
        The recipe; its ``adapted`` has a sentence for every value that changed.
    """
    if not recipe.training.adapt:
        return recipe
    own, fixed = recipe.values(), {*keep, *recipe.given}
    values = {
        key: value
        for key, value in _wanted(recipe, shape).items()
        if key not in fixed and value != own[key]
    }
    texts = describe(shape)
    reasons = {key: f"{texts}: {_phrase(key, value, own[key])}" for key, value in values.items()}
    return replace(recipe.with_values(values), given=recipe.given, adapted=reasons)


def in_short(adapted: Mapping[str, str]) -> str:
    """All reasons in one sentence, the texts named once; empty where nothing changed."""
    parts = [reason.partition(": ") for reason in adapted.values()]
    texts = dict.fromkeys(texts for texts, _, _ in parts)
    return "; ".join(
        f"{each}: {', '.join(change for texts, _, change in parts if texts == each)}"
        for each in texts
    )


def describe(shape: TextShape) -> str:
    """The texts in a phrase, for example ``6,142 texts of about 21 tokens``."""
    texts = f"{shape.num_texts:,} text{'s' * (shape.num_texts != 1)}"
    return f"{texts} of about {shape.median_length:,} token{'s' * (shape.median_length != 1)}"


def _wanted(recipe: Recipe, shape: TextShape) -> dict[str, Any]:
    """The values for texts of this shape; those that stay may be among them."""
    values = _of_long_texts(recipe, shape)
    max_length = values.get("text.max_length", recipe.text.max_length)
    num_read = shape.num_tokens
    if max_length:
        num_read = min(num_read, shape.num_texts * max_length)
    if num_read < FEW:
        values |= _of_few_tokens(recipe, shape)
    elif num_read > MANY:
        values |= _of_many_tokens(num_read)
    if shape.num_tokens > MANY:  # a language model reads all of them
        values["pretraining.epochs"] = 1 if shape.num_tokens <= MOST_FOR_A_LANGUAGE_MODEL else 0
    if recipe.training.optimiser == "keras-adam":  # which moves all rows
        values.pop("training.embedding_update", None)
    if not recipe.pretraining.epochs:  # what a recipe does without is not added
        values = {key: value for key, value in values.items() if not key.startswith("pretraining")}
    return values | _of_linear_model(recipe, shape, is_small=num_read < FEW)


def _of_long_texts(recipe: Recipe, shape: TextShape) -> dict[str, Any]:
    """More of each text is read where most are longer than what is read, and there is time."""
    own = recipe.text.max_length
    if not own or shape.median_length <= own:
        return {}
    fits = MANY // max(shape.num_texts, 1)
    return {"text.max_length": max(own, min(shape.long_length, LONGEST_READ, fits))}


def _of_few_tokens(recipe: Recipe, shape: TextShape) -> dict[str, Any]:
    """Enough steps, of embeddings that move fast, for there are few steps in which they occur."""
    batch_size = 32 if shape.num_texts >= 1_000 else 16
    epochs = ceil(NUM_STEPS * batch_size / max(shape.num_texts, 1))
    values: dict[str, Any] = {
        "training.epochs": min(max(epochs, 6), 20),
        "training.batch_size": batch_size,
    }
    if shape.num_texts >= ENOUGH_TO_VALIDATE:
        values["training.validation_share"] = 0.05
    if _are_characters(shape):
        # Nothing is said of a dropped character by those beside it.
        return values | {
            "training.epochs": 12,
            "training.learning_rate": 2e-3,
            "training.adversarial_norm": min(recipe.training.adversarial_norm, 3.0),
            "network.hidden_size": max(recipe.network.hidden_size, 128),
            "dropout.word": 0.0,
            "dropout.input": min(recipe.dropout.input, 0.2),
            "pretraining.epochs": 0,
        }
    values |= {"training.embedding_update": "lazy", "training.embedding_learning_rate": 3e-2}
    if shape.num_tokens < FEWEST_FOR_A_LANGUAGE_MODEL:
        return values | {"pretraining.epochs": 0}
    return values | {
        "pretraining.epochs": 3,
        "pretraining.streams": 16,
        "pretraining.steps": 32,
        "pretraining.learning_rate": 5e-3,
    }


def _of_many_tokens(num_read: int) -> dict[str, Any]:
    """Fewer passes and larger batches, for there are steps enough."""
    return {
        "training.epochs": 2 if num_read <= VERY_MANY else 1,
        "training.batch_size": 128 if num_read <= VERY_MANY else 256,
        "training.embedding_update": "lazy",
    }


def _of_linear_model(recipe: Recipe, shape: TextShape, is_small: bool) -> dict[str, Any]:
    """All n-grams of few texts, which are short; orders that are trained in some minutes."""
    order = recipe.linear_model.order
    if not order:
        return {}
    values: dict[str, Any] = {}
    if is_small:
        are_characters = _are_characters(shape)
        order = 4 if are_characters else 2
        values = {"linear_model.min_count": 1, "linear_model.C": 10.0 if are_characters else 100.0}
    elif shape.median_length < SHORT:
        order = min(order, 2)
    num_fits = 1 if shape.kind == "binary" else shape.num_classes
    most_tokens = min(MOST_NGRAMS, MOST_LINEAR // num_fits)
    while order and order * shape.num_tokens > most_tokens:
        order -= 1
    return values | {"linear_model.order": order}


def _are_characters(shape: TextShape) -> bool:
    """Whether tokens are so few and so frequent that they are characters, not words."""
    return shape.num_distinct < 2_000 and shape.num_distinct * OFTEN < shape.num_tokens


def _phrase(key: str, value: Any, own: Any) -> str:
    """For example ``12 epochs instead of 3``."""
    phrase, instead = _PHRASES[key], own if isinstance(own, str) else f"{own:,g}"
    if value == 0 and key in _LEFT_OUT:
        return f"{_LEFT_OUT[key]} instead of {phrase.format(instead)}"
    if value == 1:
        phrase = phrase.replace("{} epochs", "{} epoch").replace("{} texts have", "{} text has")
    written = value if isinstance(value, str) else f"{value:,g}"
    return f"{phrase.format(written)} instead of {instead}"
