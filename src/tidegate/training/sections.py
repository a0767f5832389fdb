"""The sections of a recipe: every key with its type, default, range and meaning."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, get_args, get_origin

from tidegate.errors import RecipeError
from tidegate.training.ranges import IDS, SHARE, Range


def _key(default: Any, doc: str, range_: Range | None = None) -> Any:
    """A field with what the documentation and ``tidegate recipe show`` say of it.

    Args:
        default: What holds where a recipe says nothing.
        doc: Its meaning, a noun phrase.
        range_: Of a number, both ends included unless they are open.
    """
    return field(default=default, metadata={"doc": doc, "range": range_})


@dataclass(frozen=True)
class Text:
    """How texts become numbers."""

    tokens: Literal["keras", "words", "characters", "bpe"] = _key(
        "words",
        "tokenisation: that of Keras' `Tokenizer`, or words and punctuation marks, both in lower "
        "case; characters, or byte pairs learnt from the texts that train, both with their case",
    )
    vocabulary_size: int = _key(
        30_000,
        "size of the vocabulary of tokens, four reserved ids included; the most frequent ones of "
        "the training texts are in it",
        Range(5, IDS),
    )
    bigram_vocabulary_size: int = _key(
        0,
        "size of the vocabulary of bigrams, whose embedding is added to that of their second "
        "word; 0 for none",
        Range(0, IDS),
    )
    max_length: int = _key(
        400,
        "tokens of a text that are read, its last ones; 0 for all; a text has four to six times as "
        "many characters as words",
        Range(0, 1_000_000),
    )
    padding: Literal["none", "front"] = _key(
        "none", "whether short texts are padded with zeros in front, which the network reads"
    )


@dataclass(frozen=True)
class Series:
    """How series of numbers are read, and varied in training."""

    scaling: Literal["standard", "instance", "none"] = _key(
        "standard",
        "scaling of every channel: by mean and deviation of the training part, by those of each "
        "series alone, or none",
    )
    missing: Literal["refuse", "carry", "mask"] = _key(
        "refuse",
        "missing values: refused, replaced by the last value before, or replaced and marked by two "
        "channels more (Che et al. 2018)",
    )
    time: Literal["ignore", "difference"] = _key(
        "ignore", "whether a channel more has the time since the step before"
    )
    differences: bool = _key(
        False, "whether a channel more for each channel has its change since the step before"
    )
    stride: int = _key(1, "steps whose mean the network reads as one step", Range(1, 10_000))
    noise: float = _key(
        0.0,
        "standard deviation of normal noise that is added to every scaled value in training",
        Range(0, 100),
    )
    scale_noise: float = _key(
        0.0,
        "standard deviation of a random factor around 1, one a series and channel, in training",
        Range(0, 100),
    )


@dataclass(frozen=True)
class Forecast:
    """How series are forecast; the horizon and the season belong to the data."""

    window: int = _key(
        0,
        "most past steps that a forecast is made from; 0 for three seasons, and at least twice the "
        "horizon and 20",
        Range(0, 1_000_000),
    )
    interval: float = _key(
        0.8,
        "share of the values that the outer quantiles are to have between them; the median is "
        "forecast as well",
        Range(0, 1, low_is_open=True, high_is_open=True),
    )


@dataclass(frozen=True)
class Network:
    """The architecture of the network."""

    embedding_dim: int = _key(64, "width of the embeddings", Range(1, 100_000))
    hidden_size: int = _key(64, "units of a layer and direction", Range(1, 100_000))
    num_layers: int = _key(1, "stacked recurrent layers", Range(1, 100))
    bidirectional: bool = _key(True, "whether every layer also reads from the end")
    residual: bool = _key(
        False,
        "residual connections: a layer's input is added to its output, where widths are equal",
    )
    pooling: Literal["last", "mean", "max", "mean+max", "mean+max+last", "attention"] = _key(
        "mean+max", "pooling over time: how the states of all steps become the head's input"
    )
    initial_values: Literal["keras", "normal"] = _key(
        "normal",
        "initialisation: that of Keras' layers, or the same with standard normal embeddings",
    )


@dataclass(frozen=True)
class Dropout:
    """Dropout rates; 0 for none."""

    word: float = _key(
        0.0, "dropout rate of whole steps: words, or all numbers of a step, are left out", SHARE
    )
    embedding: float = _key(
        0.0, "dropout rate on the embeddings; one mask a word, wherever it occurs in a batch", SHARE
    )
    input: float = _key(
        0.0, "dropout rate on the first layer's inputs; a new mask every time step", SHARE
    )
    variational: float = _key(
        0.0, "dropout rate between layers; one mask a sequence (Gal and Ghahramani 2016)", SHARE
    )
    recurrent: float = _key(
        0.0, "dropout rate on the recurrent weights; one mask a batch (Merity et al. 2018)", SHARE
    )
    head: float = _key(0.0, "dropout rate on the head's input", SHARE)


@dataclass(frozen=True)
class Training:
    """Optimiser, schedule and regularisation."""

    epochs: int = _key(3, "passes over the training part; also `--epochs`", Range(1, 1_000_000))
    batch_size: int = _key(32, "texts of a batch", Range(1, 1_000_000))
    validation_share: float = _key(
        0.1,
        "share of the training texts, the last ones, that validate every epoch and weigh the blend "
        "with the linear model",
        # Without texts to validate on, no epoch is measured and nothing weighs the linear model.
        Range(0, 1, low_is_open=True, high_is_open=True),
    )
    optimiser: Literal["adam", "keras-adam"] = _key(
        "adam", "Adam, or Adam as Keras on TensorFlow computes it"
    )
    learning_rate: float = _key(3e-3, "peak of the schedule", Range(0, 1_000))
    embedding_learning_rate: float = _key(
        3e-3, "peak of the schedule for embeddings", Range(0, 1_000)
    )
    embedding_update: Literal["dense", "lazy"] = _key(
        "dense",
        "whether Adam also moves embedding rows that a batch does not read, or leaves them",
    )
    beta1: float = _key(0.9, "decay rate of Adam's first moment", SHARE)
    beta2: float = _key(0.99, "decay rate of Adam's second moment", SHARE)
    epsilon: float = _key(
        1e-8,
        "added to the root of Adam's second moment",
        Range(1e-37, 1),  # below, a row without moments would be divided by 0
    )
    weight_decay: float = _key(
        0.0,
        "decoupled weight decay (AdamW, Loshchilov and Hutter 2019), per unit of learning rate",
        Range(0, 1_000_000),
    )
    schedule: Literal["constant", "one-cycle", "cosine"] = _key(
        "one-cycle",
        "learning-rate schedule: constant; up and down along half cosines; linear warm-up, then "
        "cosine decay",
    )
    warmup_share: float = _key(0.3, "share of all steps in which the rate rises", SHARE)
    clip_norm: float = _key(
        1.0,
        "largest norm of the gradient over all parameters; 0 for no clipping",
        Range(0, 1_000_000),
    )
    label_smoothing: float = _key(0.0, "probability that labels give up to other classes", SHARE)
    class_weights: Literal["none", "balanced"] = _key(
        "none", "whether the loss weighs classes by their inverse frequency"
    )
    adversarial_norm: float = _key(
        0.0,
        "norm of the adversarial perturbation of a text's embeddings (Miyato et al. 2017); 0 for "
        "no adversarial training",
        Range(0, 1_000_000),
    )
    patience: int = _key(
        0,
        "early stopping: epochs without a better validation loss; 0 for none",
        Range(0, 1_000_000),
    )
    keep: Literal["last", "best"] = _key(
        "last",
        "whose weights are the result: the last epoch's, or those of the lowest validation loss",
    )
    ensemble: int = _key(
        1,
        "networks that are trained from different seeds, one after the other; their outputs are "
        "averaged",
        Range(1, 256),
    )
    adapt: bool = _key(
        False,
        "whether values that neither `--set` nor a file of one's own names follow from the number "
        "and the length of the texts",
    )


@dataclass(frozen=True)
class Pretraining:
    """The language model that the network begins with."""

    epochs: int = _key(
        0,
        "epochs of a language model on the training texts and those without labels; 0 for none",
        Range(0, 1_000_000),
    )
    streams: int = _key(
        64, "streams of running text that are read in parallel: the batch size", Range(1, 1_000_000)
    )
    steps: int = _key(
        64, "length of truncated backpropagation through time, in words", Range(1, 1_000_000)
    )
    learning_rate: float = _key(3e-3, "peak of its one-cycle schedule", Range(0, 1_000))


@dataclass(frozen=True)
class SelfTraining:
    """A second network that also learns from the first one's answers to texts without labels."""

    epochs: int = _key(
        0,
        "epochs of a second network, which also learns from texts without labels; 0 for none",
        Range(0, 1_000_000),
    )
    copies: int = _key(
        2,
        "how often a text with a label is read for each time that one without is",
        Range(1, 1_000),
    )


@dataclass(frozen=True)
class LinearModel:
    """A linear model beside the network: on a text's n-grams, or on a series' statistics."""

    order: int = _key(
        0, "longest n-grams that are its features; 0 for no linear model", Range(0, 10)
    )
    min_count: int = _key(3, "training texts that an n-gram must be in", Range(1, 1_000_000))
    pooled: bool = _key(
        True,
        "whether networks on series have a linear model on mean, deviation, first, middle, last, "
        "least and greatest value of every channel beside them",
    )
    C: float = _key(
        100.0,
        "inverse strength of its regularisation, as scikit-learn's `C`",
        Range(0, 1_000_000, low_is_open=True),
    )


SECTIONS: dict[str, Any] = {
    "text": Text,
    "series": Series,
    "forecast": Forecast,
    "network": Network,
    "dropout": Dropout,
    "training": Training,
    "pretraining": Pretraining,
    "self_training": SelfTraining,
    "linear_model": LinearModel,
}

KEYS: dict[str, "Field[Any]"] = {
    f"{section}.{one.name}": one for section, kind in SECTIONS.items() for one in fields(kind)
}
"""Every key as ``section.name``, in order."""


def range_of(key: str) -> Range | None:
    """The range of a number; None of what is none."""
    range_: Range | None = KEYS[key].metadata["range"]
    return range_


def choices_of(key: str) -> tuple[str, ...] | None:
    """The texts that a key may have; None of what is no text."""
    return get_args(KEYS[key].type) if get_origin(KEYS[key].type) is Literal else None


def full_key(key: str, where: str = "recipe") -> str:
    """A key as ``section.name``, from this or, where one section alone has it, from the name.

    Raises:
        RecipeError: No section or several have it; the message has the nearest.
    """
    if key in KEYS:
        return key
    owners = [full for full in KEYS if full.partition(".")[2] == key]
    if len(owners) == 1:
        return owners[0]
    if owners:
        raise RecipeError(
            f"{where}: expected one key, got {key!r}, which {len(owners)} sections have; write "
            f"{' or '.join(owners)}"
        )
    if key in SECTIONS:
        own = [full for full in KEYS if full.startswith(f"{key}.")]
        raise RecipeError(
            f"{where}: expected a key, got the section {key!r}; its keys are {', '.join(own)}"
        )
    # By its own name, or, as of a key that has no section, by the name alone.
    names = {full: full for full in KEYS}
    for full in KEYS:
        names.setdefault(full.partition(".")[2], full)
    near = nearest(key, names)
    hint = f"; there are {', '.join(KEYS)}" if near is None else f"; did you mean {names[near]}?"
    raise RecipeError(f"{where}: expected a known key, got {key!r}{hint}")


def check(values: Mapping[str, Any], where: str = "recipe") -> None:
    """Refuse unknown keys, and values of the wrong type or out of range.

    Args:
        values: By ``section.name``.
        where: Begins the message of an error.

    Raises:
        RecipeError: The first that is not as it should be.
    """
    for key, value in values.items():
        if key not in KEYS:
            full_key(key, where)
            raise RecipeError(f"{where}: expected section.key, got {key!r}")
        expected = _expected(key, value)
        if expected is not None:
            raise RecipeError(f"{where}: expected {key} of {expected}, got {shown(value)}")


def parse(key: str, text: str) -> Any:
    """Convert a typed value to the type of a key; text that is none stays text."""
    kind = KEYS[key].type
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    for number in (int, float):
        if kind is number or (kind is float and number is int):
            try:
                return number(text)
            except ValueError:
                continue
    return text


def _expected(key: str, value: Any) -> str | None:
    """What is expected in place of a value; None if that will do."""
    kind: Any = KEYS[key].type
    choices, range_ = choices_of(key), range_of(key)
    if choices is not None:
        is_one = isinstance(value, str) and value in choices
        return None if is_one else ", ".join(choices)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number if kind is float else type(value) is kind):
        names = {bool: "true or false", int: "type int", float: "type float"}
        return names[kind]
    return None if range_ is None or value in range_ else str(range_)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like one that is not known."""
    near = difflib.get_close_matches(name, [*known], n=1, cutoff=0.5)
    return near[0] if near else None


def shown(value: Any) -> str:
    """A value for a message: short, and no list or table however deep it is."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."
