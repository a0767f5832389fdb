"""Values of a recipe that follow from the number, the length and the channels of the series.

Without PyTorch.
"""

from dataclasses import replace
from math import ceil
from typing import Any

from tidegate.data.series_shape import SeriesShape
from tidegate.training.recipe import Recipe

NUM_STEPS = 1_500
"""Steps of a training on few series."""
FEWEST_EPOCHS, MOST_EPOCHS = 15, 200
MANY = 2_000
"""Series from which on a tenth validates, batches are larger, and every step is read."""
SMOOTH = 0.95
"""Correlation of a value with that of the step before, above which steps are averaged."""
ENOUGH_STEPS = 35
"""Steps that are left of a smooth series of median length."""

MOST_IN_A_BATCH = 1 << 16
"""Steps of a batch, whose states take some 200 MB."""
MOST_READ = 50_000_000
"""Steps that a training reads, in all its epochs."""

_PHRASES = {
    "series.missing": ("missing values by the rule {}", "some are missing"),
    "series.time": ("the rule {} for times", "steps are not equally far apart"),
    "series.stride": (
        "the mean of {} steps read as one",
        "a value hardly differs from the one before",
    ),
    "training.epochs": (
        "{} epochs",
        f"about {NUM_STEPS:,} updates, within {FEWEST_EPOCHS} to {MOST_EPOCHS} epochs and "
        f"{MOST_READ:,} steps",
    ),
    "training.batch_size": (
        "batches of {} series",
        f"32 where there are {MANY:,} or more, and at most {MOST_IN_A_BATCH:,} steps",
    ),
    "training.validation_share": ("a validation share of {}", f"there are {MANY:,} or more"),
}
"""What a value is, in a sentence, and why; the keys that may change."""


def adapt_to_series(recipe: Recipe, shape: SeriesShape) -> Recipe:
    """A recipe with the values that follow from the series, and why.

    Args:
        recipe: Where its ``training.adapt`` is false, it stays as it is.
        shape: The shape of the series that train.

    Returns:
        The recipe; its ``adapted`` has a sentence for every value that changed.
    """
    if not recipe.training.adapt:
        return recipe
    own = recipe.values()
    values = {
        key: value
        for key, value in _wanted(shape).items()
        if key not in recipe.given and value != own[key]
    }
    which = describe(shape)
    reasons = {key: f"{which}: {_phrase(key, value, own[key])}" for key, value in values.items()}
    return replace(recipe.with_values(values), given=recipe.given, adapted=reasons)


def describe(shape: SeriesShape) -> str:
    """The series in a phrase, for example ``270 series of about 15 steps and 12 channels``."""
    channels = f"{shape.num_channels:,} channel{'s' * (shape.num_channels != 1)}"
    return (
        f"{shape.num_series:,} series of about {shape.median_length:,} "
        f"step{'s' * (shape.median_length != 1)} and {channels}"
    )


def _wanted(shape: SeriesShape) -> dict[str, Any]:
    """The values for series of this shape; those that stay may be among them."""
    are_many = shape.num_series >= MANY
    batch_size = 32 if are_many else 16
    stride = 1
    if not are_many and shape.smoothness >= SMOOTH:
        stride = min(max(round(shape.median_length / ENOUGH_STEPS), 1), 10_000)
    length = max(shape.median_length // stride, 1)
    batch_size = max(min(batch_size, MOST_IN_A_BATCH // length), 1)
    epochs = ceil(NUM_STEPS * batch_size / max(shape.num_series, 1))
    most = max(MOST_READ * stride // max(shape.num_steps, 1), 1)
    values: dict[str, Any] = {
        "training.batch_size": batch_size,
        "training.epochs": min(max(epochs, FEWEST_EPOCHS), MOST_EPOCHS, most),
    }
    if are_many:
        values["training.validation_share"] = 0.1
    elif shape.smoothness >= SMOOTH:
        values["series.stride"] = stride
    if shape.has_missing:
        values["series.missing"] = "mask"
    if shape.is_irregular:
        values["series.time"] = "difference"
    return values


def _phrase(key: str, value: Any, own: Any) -> str:
    """For example ``200 epochs instead of 40 (about 1,500 updates, ...)``."""
    phrase, why = _PHRASES[key]
    return f"{phrase.format(_written(value))} instead of {_written(own)} ({why})"


def _written(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,g}"
