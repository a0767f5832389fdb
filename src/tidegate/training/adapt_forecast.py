"""Values of a recipe that follow from the series to forecast. Without PyTorch."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from tidegate.training.recipe import Recipe

NUM_STEPS = 600
"""Updates of a training."""
FEWEST_EPOCHS, MOST_EPOCHS = 3, 40

_PHRASES = {
    "series.missing": ("missing values by the rule {}", "some are missing"),
    "training.epochs": (
        "{} epochs",
        f"about {NUM_STEPS:,} updates, within {FEWEST_EPOCHS} to {MOST_EPOCHS} epochs",
    ),
}
"""What a value is, in a sentence, and why; the keys that may change."""


@dataclass(frozen=True)
class ForecastShape:
    """How many series and windows train, and how long the series are."""

    num_series: int
    num_windows: int
    """The windows of an epoch."""
    median_length: int
    horizon: int
    has_missing: bool
    """Whether a value is missing."""


def adapt_to_forecast(recipe: Recipe, shape: ForecastShape) -> Recipe:
    """A recipe with the values that follow from the series, and why.

    Args:
        recipe: Where its ``training.adapt`` is false, it stays as it is.
        shape: The shape of the series.

    Returns:
        The recipe; its ``adapted`` has a sentence for every value that changed.
    """
    if not recipe.training.adapt:
        return recipe
    own = recipe.values()
    values = {
        key: value
        for key, value in _wanted(recipe, shape).items()
        if key not in recipe.given and value != own[key]
    }
    which = (
        f"{shape.num_series:,} series of about {shape.median_length:,} steps, "
        f"{shape.num_windows:,} windows an epoch"
    )
    reasons = {
        key: f"{which}: {_PHRASES[key][0].format(value)} instead of {own[key]} ({_PHRASES[key][1]})"
        for key, value in values.items()
    }
    return replace(recipe.with_values(values), given=recipe.given, adapted=reasons)


def _wanted(recipe: Recipe, shape: ForecastShape) -> dict[str, Any]:
    """The values for series of this shape; those that stay may be among them."""
    epochs = ceil(NUM_STEPS * recipe.training.batch_size / max(shape.num_windows, 1))
    values: dict[str, Any] = {
        "training.epochs": min(max(epochs, FEWEST_EPOCHS), MOST_EPOCHS),
    }
    if shape.has_missing:
        values["series.missing"] = "mask"
    return values
