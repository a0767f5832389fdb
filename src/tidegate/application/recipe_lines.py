"""A recipe in a line, and with all its values, for the screen."""

from typing import Any

from rich.text import Text

from tidegate.training.recipe import Recipe


def in_short(recipe: Recipe) -> Text:
    """Its name, and the values that the user changed with the recipe's own."""
    own, values = recipe.changes(), recipe.values()
    changed = ", ".join(
        f"{key} {_typed(values[key])} (not {_typed(own[key])})"
        for key in own
        if key not in recipe.adapted
    )
    name = recipe.name + (", adapted to the data" if recipe.adapted else "")
    return Text(
        name + (f", with {changed}" if changed else "" if recipe.adapted else ", unchanged")
    )


_OF_TEXTS = (
    "text.",
    "network.embedding_dim",
    "dropout.embedding",
    "training.embedding",
    "training.adversarial",
    "pretraining.",
    "self_training.",
    "linear_model.",
)
_OF_SERIES = ("series.", "forecast.", "linear_model.pooled")
"""How keys begin that mean nothing to data of the other kind."""


_NOT_OF_KIND = {
    "forecast": ("series.time", "series.differences", "series.stride", "linear_model.pooled")
}
"""What a kind of series does without; the others do without a forecast's."""


def in_full(recipe: Recipe, kind: str) -> Text:
    """Every value that counts for the data, as ``--set`` takes it; a star marks changed ones."""
    changed = recipe.changes()
    values = recipe.values()
    text = Text()
    for key, value in values.items():
        is_of_series = key.startswith(_OF_SERIES)
        if kind == "text" and is_of_series:
            continue
        if kind != "text" and key.startswith(_OF_TEXTS) and not is_of_series:
            continue
        if key.startswith(_NOT_OF_KIND.get(kind, "forecast.")):
            continue
        is_changed = key in changed
        text.append(f"{key}={_typed(value)}", style="bold" if is_changed else "dim")
        text.append("* " if is_changed else " ")
    return text


def _typed(value: Any) -> str:
    """A value as one types it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
