"""Recipes: named sets of all training values, one TOML file each."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from tidegate.errors import RecipeError
from tidegate.storage.schema import OneOf
from tidegate.training.ranges import RANGES

if TYPE_CHECKING:
    from tidegate.data.preprocessing.text import TextOptions

NAMES = ("notebook", "fast", "default", "best")


@dataclass(frozen=True)
class Recipe:
    """The values of one training; shares are between 0 and 1, and 0 turns a thing off.

    What range each number has is in :mod:`tidegate.training.ranges`.
    """

    name: Annotated[str, OneOf(NAMES)]

    # Text
    tokens: Literal["keras", "words"]
    """How a text becomes words: see :mod:`tidegate.data.tokenise`."""
    vocabulary_size: int
    """Number of ids, the four reserved ones included."""
    bigram_vocabulary_size: int
    """Number of ids of pairs of neighbouring words, whose embedding is added to the second's."""
    max_length: int
    """Longer texts keep their last tokens, this many."""
    padding: Literal["none", "front"]
    """Whether shorter texts get zeros in front, which the network reads."""

    # Network
    embedding_dim: int
    hidden_size: int
    """Units of a layer and direction."""
    num_layers: int
    bidirectional: bool
    residual: bool
    """Whether a layer's input is added to its output, where the widths allow."""
    pooling: Literal["last", "mean", "max", "mean+max", "mean+max+last", "attention"]
    """How the states of all time steps become the head's input."""
    pool_embedding: bool
    """Whether the mean of the embedded words goes to the head as well."""
    initial_values: Literal["keras", "normal"]

    # Dropout rates
    word_dropout: float
    """On whole time steps: a word is left out."""
    embedding_dropout: float
    """On the embeddings of a batch's distinct words; one mask per word, wherever it occurs."""
    place_dropout: float
    """On the first layer's inputs; a new mask every time step."""
    variational_dropout: float
    """On the features between layers; one mask per sequence."""
    recurrent_dropout: float
    """On the recurrent weights; one mask per training step (Merity et al. 2018)."""
    head_dropout: float
    """On the head's inputs."""

    # Training
    epochs: int
    batch_size: int
    validation_share: float
    """Of the training part, taken from its end; above 0."""
    optimiser: Literal["adam", "keras-adam"]
    learning_rate: float
    """The highest of the schedule."""
    table_learning_rate: float
    """The same for embeddings."""
    table_rule: Literal["dense", "lazy"]
    """Whether an embedding's row also moves in the steps in which it does not occur: see
    :class:`tidegate.optim.Adam`."""
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    """Of Adam with decoupled decay (Loshchilov and Hutter 2019), per unit of learning rate."""
    schedule: Literal["constant", "one-cycle", "cosine"]
    warmup_share: float
    """Of all steps, in which the rate rises."""
    layer_decay: float
    """What the rate is multiplied by for every layer further from the head."""
    frozen_epochs: int
    """For a network that starts from another: epochs in which only the head moves, then the
    layers one by one, from the top."""
    clip_norm: float
    """Largest Euclidean norm of the gradient over all parameters; longer ones are scaled down."""
    ema_decay: float
    """Per-step decay of the moving average of the weights, which becomes the result."""
    label_smoothing: float
    class_weights: Literal["none", "balanced"]
    adversarial_norm: float
    """Length of the perturbation of a text's embeddings (Miyato et al. 2017)."""
    patience: int
    """Epochs without a better validation loss after which training stops."""
    keep: Literal["last", "best"]
    """Which epoch's weights are the result."""

    # The language model that the network begins from; the widths and the cell are the network's
    pretrain_epochs: int
    """Passes over the texts without labels; 0 for no language model."""
    pretrain_streams: int
    """Parallel streams of text: the batch size."""
    pretrain_steps: int
    """Words of each in a training step: the length of truncated backpropagation."""
    pretrain_negatives: int
    """Negative samples of the softmax in a step, on average."""
    pretrain_learning_rate: float
    """The highest of a one-cycle schedule."""
    pretrain_warmup_share: float

    # Self-training
    self_epochs: int
    """Epochs of a second network, which also learns from the texts without labels, as the first
    one and the linear model answer them; 0 for none. It begins as the first one did."""
    self_copies: int
    """How often a text with a label is read for each time that one without is."""

    # The linear model beside the network
    linear_order: int
    """Longest n-grams of its features; 0 for no linear model."""
    linear_min_count: int
    """Texts that must have an n-gram."""
    linear_strength: float
    """Inverse strength of its regularisation, scikit-learn's C; above 0."""

    def configuration(self) -> dict[str, Any]:
        """All values by name, as results and checkpoints record them."""
        return asdict(self)

    def text_options(self) -> "TextOptions":
        """How the texts are tokenised, cut and padded."""
        # Here, for the list of recipes is wanted where NumPy is not.
        from tidegate.data.preprocessing.text import TextOptions

        return TextOptions(
            tokens=self.tokens,
            vocabulary_size=self.vocabulary_size,
            bigram_vocabulary_size=self.bigram_vocabulary_size,
            max_length=self.max_length,
            padding=self.padding,
            full_token_ids=self.linear_order > 0,
        )

    def with_values(self, values: Mapping[str, Any]) -> "Recipe":
        """A recipe with other values, checked.

        Raises:
            RecipeError: An unknown key, a value of the wrong type or out of range, or two that
                exclude each other.
        """
        self.check(values)
        found = replace(self, **values)
        if found.optimiser == "keras-adam" and found.table_rule == "lazy":
            raise RecipeError(
                "recipe: expected table_rule=dense beside optimiser=keras-adam, for Keras moves "
                "all rows in every step, got table_rule='lazy'"
            )
        return found

    def changes(self) -> dict[str, Any]:
        """The recipe's original values of the changed keys."""
        own = load(self.name).configuration()
        return {key: own[key] for key, value in self.configuration().items() if value != own[key]}

    @staticmethod
    def check(values: Mapping[str, Any]) -> None:
        """Refuse unknown keys, and values of another kind or out of their range.

        Raises:
            RecipeError: The first that is not as it should be.
        """
        for key, value in values.items():
            _check(key, value)

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
            values[key.strip()] = _parse(key.strip(), text.strip())
        return self.with_values(values)


KINDS: dict[str, Any] = {field.name: field.type for field in fields(Recipe) if field.name != "name"}


def load(name: str) -> Recipe:
    """The recipe of one of :data:`NAMES`.

    Raises:
        RecipeError: The file lacks a value, or has one too many or of another kind.
    """
    text = resources.files("tidegate.training.recipes").joinpath(f"{name}.toml").read_text("utf-8")
    values = tomllib.loads(text)
    missing = KINDS.keys() - values.keys()
    if missing:
        raise RecipeError(f"recipe {name}: expected every value, got none of {sorted(missing)}")
    Recipe.check(values)
    return Recipe(name=name, **values)


def _check(key: str, value: Any) -> None:
    if key not in KINDS:
        near = difflib.get_close_matches(key, KINDS, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(KINDS)}"
        raise RecipeError(f"recipe: expected a known key, got {key!r}{hint}")
    kind = KINDS[key]
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise RecipeError(
                f"recipe: expected {key} of {', '.join(get_args(kind))}, got {value!r}"
            )
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_right = is_number if kind is float else type(value) is kind
    if not is_right:
        raise RecipeError(f"recipe: expected {key} of type {kind.__name__}, got {value!r}")
    if kind is not bool and value not in RANGES[key]:
        raise RecipeError(f"recipe: expected {key} of {RANGES[key]}, got {value!r}")


def _parse(key: str, text: str) -> Any:
    """Convert a typed value to the type of its key."""
    kind = KINDS.get(key)
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    for number in (int, float):
        if kind is number or (kind is float and number is int):
            try:
                return number(text)
            except ValueError:
                continue
    return text
