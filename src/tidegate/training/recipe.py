"""Recipes: all values of a training in sections, packaged by name or in a user's own file."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tidegate.errors import RecipeError
from tidegate.storage import regular
from tidegate.storage.schema import IsFileName
from tidegate.training import recipe_toml, sections
from tidegate.training.recipe_toml import RecipeText
from tidegate.training.sections import (
    KEYS,
    SECTIONS,
    Dropout,
    Forecast,
    LinearModel,
    Network,
    Pretraining,
    SelfTraining,
    Series,
    Text,
    Training,
)

if TYPE_CHECKING:
    from tidegate.data.preprocessing.forecast import ForecastOptions
    from tidegate.data.preprocessing.series import SeriesOptions
    from tidegate.data.preprocessing.text import TextOptions

NAMES = ("notebook", "fast", "default", "best", "causal", "series", "forecast")
OF_KIND = {"series": "series", "audio": "series", "forecast": "forecast"}
"""The recipes that are the default for data of other kinds than texts."""
SUFFIX = ".toml"
MOST_BYTES = 1 << 16
"""Of a user's file: a complete one has 6,000."""


@dataclass(frozen=True)
class Recipe:
    """The values of one training, in sections."""

    name: Annotated[str, IsFileName()]
    """One of :data:`NAMES`, or the name of a user's file, with its suffix."""
    text: Text = field(default_factory=Text)
    series: Series = field(default_factory=Series)
    forecast: Forecast = field(default_factory=Forecast)
    network: Network = field(default_factory=Network)
    dropout: Dropout = field(default_factory=Dropout)
    training: Training = field(default_factory=Training)
    pretraining: Pretraining = field(default_factory=Pretraining)
    self_training: SelfTraining = field(default_factory=SelfTraining)
    linear_model: LinearModel = field(default_factory=LinearModel)
    changed: dict[str, Any] = field(default_factory=dict)
    """The recipe's own values of the keys that were changed after it was read."""
    given: tuple[str, ...] = ()
    """Keys that a user gave a value, be it the recipe's own: nothing else may choose them."""
    adapted: dict[str, str] = field(default_factory=dict)
    """Keys whose values follow from the texts, see :mod:`tidegate.training.adapt`, and why."""

    def values(self) -> dict[str, Any]:
        """All values, by ``section.key``."""
        return {
            f"{name}.{key.name}": getattr(getattr(self, name), key.name)
            for name, kind in SECTIONS.items()
            for key in fields(kind)
        }

    def configuration(self) -> dict[str, Any]:
        """The name and all values, as results and checkpoints record them."""
        return {"name": self.name, **self.values()}

    def text_options(self) -> "TextOptions":
        """How the texts are tokenised, cut and padded."""
        # Here, for the list of recipes is wanted where NumPy is not.
        from tidegate.data.preprocessing.text import TextOptions

        return TextOptions(
            tokens=self.text.tokens,
            vocabulary_size=self.text.vocabulary_size,
            bigram_vocabulary_size=self.text.bigram_vocabulary_size,
            max_length=self.text.max_length or None,
            padding=self.text.padding,
            full_token_ids=self.linear_model.order > 0,
        )

    def series_options(self) -> "SeriesOptions":
        """How series are scaled, and what becomes of missing values."""
        from tidegate.data.preprocessing.series import SeriesOptions

        return SeriesOptions(
            scaling=self.series.scaling,
            missing=self.series.missing,
            time=self.series.time,
            differences=self.series.differences,
            stride=self.series.stride,
        )

    def forecast_options(self, horizon: int, season_length: int) -> "ForecastOptions":
        """How series to forecast become windows.

        Args:
            horizon: H, the steps that are forecast.
            season_length: m, the steps after which values repeat.

        Raises:
            RecipeError: The window is shorter than a season.
        """
        from tidegate.data.preprocessing.forecast import ForecastOptions

        window = self.forecast.window or max(3 * season_length, 2 * horizon, 20)
        if window < season_length:
            raise RecipeError(
                f"recipe {self.name}: expected forecast.window of at least a season, "
                f"{season_length:,} steps, got {window:,}; set it to 0 for the rule, or name "
                "another season (--season)"
            )
        return ForecastOptions(
            horizon, window, season_length, self.series.scaling, self.series.missing
        )

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles of a forecast: the outer ones, and the median between them."""
        outer = (1 - self.forecast.interval) / 2
        return (round(outer, 6), 0.5, round(1 - outer, 6))

    def with_values(self, values: Mapping[str, Any]) -> "Recipe":
        """A recipe with other values, checked.

        Args:
            values: By ``section.key``, or by the key alone where one section alone has it.

        Raises:
            RecipeError: An unknown key, a value of the wrong type or out of range, or two that
                exclude each other.
        """
        values = {sections.full_key(key): value for key, value in values.items()}
        sections.check(values)
        own = {**self.values(), **self.changed}
        changed = {key: own[key] for key in KEYS if {**self.values(), **values}[key] != own[key]}
        given = tuple(key for key in KEYS if key in values or key in self.given)
        recipe = replace(_replaced(self, values), changed=changed, given=given)
        recipe.check()
        return recipe

    def with_settings(self, settings: Iterable[str]) -> "Recipe":
        """A recipe changed by ``key=value`` as typed.

        Raises:
            RecipeError: A setting is not of this form, or as in :meth:`with_values`.
        """
        values = {}
        for setting in settings:
            key, equals, text = setting.partition("=")
            if not equals:
                raise RecipeError(f"--set: expected key=value, got {setting!r}")
            full = sections.full_key(key.strip())
            values[full] = sections.parse(full, text.strip())
        return self.with_values(values)

    def changes(self) -> dict[str, Any]:
        """The recipe's own values of the changed keys."""
        return {**self.changed}

    def check(self, where: str = "recipe") -> None:
        """Refuse values of the wrong type or out of range, and two that exclude each other.

        Raises:
            RecipeError: The first that is not as it should be.
        """
        sections.check(self.values(), where)
        sections.check(self.changed, where)
        for key in (*self.given, *self.adapted):
            if key not in KEYS:
                raise RecipeError(f"{where}: expected given and adapted keys of it, got {key!r}")
        training, text = self.training, self.text
        if training.optimiser == "keras-adam" and training.embedding_update == "lazy":
            raise RecipeError(
                f"{where}: expected training.embedding_update=dense beside "
                "training.optimiser=keras-adam, for Keras moves all rows in every step, got 'lazy'"
            )
        if training.ensemble > 1 and self.self_training.epochs:
            raise RecipeError(
                f"{where}: expected training.ensemble=1 beside self_training.epochs, whose teacher "
                f"is one network, got {training.ensemble}"
            )
        if text.padding == "front" and not text.max_length:
            raise RecipeError(
                f"{where}: expected text.max_length above 0 beside text.padding=front, which pads "
                "to that length, got 0"
            )


def load(name: str) -> Recipe:
    """A recipe by its name, or a user's own by the path of its file.

    Raises:
        RecipeError: There is no such recipe; or the file is not a regular one of at most
            :data:`MOST_BYTES`, is not TOML, or has an unknown key or a value of the wrong type or
            out of range.
    """
    if name in NAMES:
        return _made(name, packaged(name), f"recipe {name}")
    check_name(name)
    path = Path(name)
    where = f"recipe {path}"
    try:
        content = regular.read(path, MOST_BYTES, follow=True)
    except OSError as error:
        raise RecipeError(f"{where}: expected a readable file, got {error.strerror}") from error
    expected = IsFileName().expected(path.name)
    if expected is not None:
        raise RecipeError(f"{where}: expected {expected}, got {path.name!r}")
    return _made(path.name, recipe_toml.parse(content, where), where)


def name_for(name: str | None, kind: str, default: str = "default") -> str:
    """The name of the recipe that is meant for data of a kind.

    Args:
        name: As the user gave it; None for the default.
        kind: ``text``, ``series``, ``audio`` or ``forecast``.
        default: The default for texts.

    Returns:
        For other kinds than texts, ``default`` and None mean the kind's own recipe.

    Raises:
        RecipeError: A packaged recipe for data of another kind.
    """
    own, others = OF_KIND.get(kind), {*OF_KIND.values()}
    if own is None:
        if name in others:
            raise RecipeError(f"expected a recipe for texts, got {name}, which is not for these")
        return name or default
    if name in (None, "default"):
        return own
    if name in NAMES and name != own:
        raise RecipeError(
            f"expected {own} or a file of your own for data of the kind {kind}, got {name}"
        )
    assert name is not None
    return name


def check_name(name: str) -> None:
    """Refuse what is neither a packaged recipe's name nor may be the path of a file.

    Raises:
        RecipeError: With the nearest name.
    """
    if name not in NAMES and not name.endswith(SUFFIX):
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise RecipeError(
            f"expected one of {', '.join(NAMES)} or a file whose name ends in {SUFFIX}, got "
            f"{name!r}{hint}"
        )


def packaged(name: str) -> RecipeText:
    """What the file of one of :data:`NAMES` says."""
    return recipe_toml.parse(_source(name), f"recipe {name}")


def show(name: str) -> str:
    """A complete file with the values of a recipe, to begin one's own from."""
    recipe_file = packaged(name)
    return recipe_toml.render(
        load(name).values(),
        summary=recipe_file.summary,
        comments=recipe_toml.comments_of(_source(name).decode()),
    )


def _made(name: str, text: RecipeText, where: str) -> Recipe:
    base = Recipe(name)
    if text.based_on is not None:
        if text.based_on not in NAMES:
            near = sections.nearest(text.based_on, NAMES)
            hint = f"; did you mean {near}?" if near else ""
            raise RecipeError(
                f"{where}: expected based_on of {', '.join(NAMES)}, got "
                f"{sections.shown(text.based_on)}{hint}"
            )
        base = replace(load(text.based_on), name=name)
    made = _replaced(base, text.values)
    if name not in NAMES:
        made = replace(made, given=tuple(key for key in KEYS if key in text.values))
    made.check(where)
    return made


def _replaced(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """A recipe with other values, by ``section.key``, that were checked."""
    for key, value in values.items():
        section, _, name = key.partition(".")
        part = replace(getattr(recipe, section), **{name: value})
        recipe = replace(recipe, **{section: part})
    return recipe


def _source(name: str) -> bytes:
    folder = resources.files("tidegate.training.recipes")
    return folder.joinpath(f"{name}{SUFFIX}").read_bytes()
