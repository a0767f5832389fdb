"""Recipes: sections of values that are checked, changed by ``--set``, printed and saved."""

import dataclasses
import json
import math

import pytest

from tidegate.errors import FormatError, RecipeError, RunFolderError
from tidegate.runs import run_config
from tidegate.training.recipe import NAMES, Recipe, load
from tidegate.training.sections import KEYS, choices_of, range_of

DEFAULT = load("default")
NUMBERS = [key for key, field in KEYS.items() if field.type in (int, float)]


def test_the_notebooks_values_are_the_notebooks():
    values = load("notebook").values()
    expected = {
        "text.tokens": "keras",
        "text.vocabulary_size": 10_000,
        "text.bigram_vocabulary_size": 0,
        "text.max_length": 200,
        "text.padding": "front",
        "network.embedding_dim": 128,
        "network.hidden_size": 128,
        "network.num_layers": 1,
        "network.bidirectional": False,
        "network.pooling": "last",
        "network.initial_values": "keras",
        "training.epochs": 5,
        "training.batch_size": 32,
        "training.validation_share": 0.2,
        "training.optimiser": "keras-adam",
        "training.learning_rate": 1e-3,
        "training.embedding_learning_rate": 1e-3,
        "training.embedding_update": "dense",
        "training.beta1": 0.9,
        "training.beta2": 0.999,
        "training.epsilon": 1e-7,
        "training.schedule": "constant",
        "training.clip_norm": 0,
        "pretraining.epochs": 0,
        "self_training.epochs": 0,
        "linear_model.order": 0,
    }
    assert {key: values[key] for key in expected} == expected
    assert all(values[key] == 0 for key in values if key.startswith("dropout."))


def test_the_texts_are_read_as_the_recipe_says():
    for name in NAMES:
        recipe = load(name)
        options = recipe.text_options()
        assert options.max_length == (recipe.text.max_length or None)
        assert options.full_token_ids == (recipe.linear_model.order > 0)
    assert DEFAULT.with_values({"max_length": 0}).text_options().max_length is None


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("hidden-size", "network.hidden_size"),
        ("hiden_size", "network.hidden_size"),
        ("network.hiden_size", "network.hidden_size"),
        ("text.hidden_size", "network.hidden_size"),
        ("learningrate", "training.learning_rate"),
        ("traning.epochs", "training.epochs"),
        ("pretrain_epochs", "pretraining.epochs"),
        ("linear_order", "linear_model.order"),
        ("word_dropout", "dropout.word"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(key, near):
    with pytest.raises(RecipeError) as error:
        DEFAULT.with_settings([f"{key}=3"])
    assert str(error.value) == f"recipe: expected a known key, got {key!r}; did you mean {near}?"


def test_a_key_like_no_other_is_refused_with_all():
    with pytest.raises(RecipeError) as error:
        DEFAULT.with_values({"zzz": 1})
    assert str(error.value).endswith(f"; there are {', '.join(KEYS)}")
    with pytest.raises(RecipeError, match="got 'name'"):
        DEFAULT.with_values({"name": "mine"})


def test_a_key_that_several_sections_have_wants_its_section():
    with pytest.raises(RecipeError) as error:
        DEFAULT.with_settings(["epochs=2"])
    assert str(error.value) == (
        "recipe: expected one key, got 'epochs', which 3 sections have; write training.epochs or "
        "pretraining.epochs or self_training.epochs"
    )


def test_a_section_is_no_key():
    with pytest.raises(RecipeError) as error:
        DEFAULT.with_settings(["self_training=2"])
    assert str(error.value) == (
        "recipe: expected a key, got the section 'self_training'; its keys are "
        "self_training.epochs, self_training.copies"
    )


@pytest.mark.parametrize(
    ("setting", "key", "expected"),
    [
        ("training.epochs=2", "training.epochs", 2),
        (" training.epochs = 2 ", "training.epochs", 2),
        ("batch_size=8", "training.batch_size", 8),
        ("training.learning_rate=1e-4", "training.learning_rate", 1e-4),
        ("embedding_learning_rate=1", "training.embedding_learning_rate", 1),
        ("bidirectional=false", "network.bidirectional", False),
        ("bidirectional=True", "network.bidirectional", True),
        ("pooling=mean", "network.pooling", "mean"),
        ("dropout.word=0", "dropout.word", 0),
        ("C=1", "linear_model.C", 1),
    ],
)
def test_a_setting_is_read_by_the_kind_of_its_key(setting, key, expected):
    changed = DEFAULT.with_values({"bidirectional": True}).with_settings([setting])
    assert changed.values() == {**DEFAULT.values(), key: expected}
    assert type(changed.values()[key]) is type(expected)


def test_later_settings_win_and_changes_are_known():
    changed = DEFAULT.with_settings(["training.epochs=7", "pooling=last", "training.epochs=9"])
    assert (changed.training.epochs, changed.network.pooling) == (9, "last")
    own = {"network.pooling": DEFAULT.network.pooling, "training.epochs": DEFAULT.training.epochs}
    assert changed.changes() == own
    again = changed.with_settings([f"pooling={DEFAULT.network.pooling}", "training.epochs=8"])
    assert again.changes() == {"training.epochs": DEFAULT.training.epochs}
    assert DEFAULT.changes() == {}


REFUSED = {
    "training.epochs": ["2.5", "many", "0", "-1", "", "true"],
    "training.learning_rate": ["fast", "-1", "nan", "inf", "1e+30"],
    "dropout.word": ["1", "-0.1", "1.5"],
    "training.validation_share": ["0", "1"],
    "training.beta2": ["1"],
    "training.label_smoothing": ["1"],
    "text.vocabulary_size": ["4"],
    "training.epsilon": ["0"],
    "network.bidirectional": ["yes", "1"],
    "network.pooling": ["median", ""],
    "training.optimiser": ["sgd"],
    "network.embedding_dim": ["1000000000"],
    "network.hidden_size": ["100000000000000000000"],
    "text.max_length": ["99999999999999999999999"],
    "linear_model.C": ["0", "1e+300"],
}


@pytest.mark.parametrize(
    ("key", "text"), [(key, text) for key, texts in REFUSED.items() for text in texts]
)
def test_a_value_of_another_kind_or_out_of_range_is_refused(key, text):
    with pytest.raises(RecipeError, match=f"^recipe: expected {key} of ") as error:
        DEFAULT.with_settings([f"{key}={text}"])
    assert text in str(error.value)
    for choice in choices_of(key) or ():
        assert choice in str(error.value)


def test_every_key_has_a_meaning_and_what_is_allowed():
    for key, field in KEYS.items():
        assert field.metadata["doc"].strip(), key
        kinds = [field.type is bool, choices_of(key) is not None, range_of(key) is not None]
        assert kinds.count(True) == 1, key
        assert (range_of(key) is not None) == (key in NUMBERS), key
    Recipe("the defaults").check()
    for key in NUMBERS:
        assert all(math.isfinite(end) for end in (range_of(key).low, range_of(key).high))


def test_a_range_is_said_with_both_ends():
    with pytest.raises(RecipeError) as error:
        DEFAULT.with_values({"C": 0})
    assert str(error.value) == (
        "recipe: expected linear_model.C of above 0 and at most 1,000,000, got 0"
    )


def test_a_setting_without_a_value_is_refused():
    with pytest.raises(RecipeError, match="--set: expected key=value, got 'epochs'"):
        DEFAULT.with_settings(["epochs"])


@pytest.mark.parametrize("key", NUMBERS)
def test_no_number_may_be_negative_or_not_finite(key):
    for value in (-1, math.nan, math.inf):
        kind_is_right = KEYS[key].type is float or isinstance(value, int)
        with pytest.raises(RecipeError, match=f"expected {key} of"):
            DEFAULT.with_values({key: value if kind_is_right else float(value)})


SMALL = [
    *("--set", "hidden_size=5", "--set", "embedding_dim=6", "--set", "vocabulary_size=30"),
    *("--set", "bigram_vocabulary_size=0", "--set", "linear_model.order=0", "--epochs", "1"),
    *("--set", "adapt=false", "--threads", "1"),
]


def test_all_values_are_printed_and_saved(tidegate, reviews, tmp_path):
    run = tmp_path / "run"
    outcome = tidegate("train", "imdb", "--data", reviews, "--out", run, *SMALL)
    assert outcome.code == 0, outcome.err
    expected = DEFAULT.with_values(
        {
            "hidden_size": 5,
            "embedding_dim": 6,
            "vocabulary_size": 30,
            "bigram_vocabulary_size": 0,
            "linear_model.order": 0,
            "training.epochs": 1,
            "training.adapt": False,
        }
    )
    assert run_config.load(run).experiment.recipe == expected
    saved = json.loads((run / "run.json").read_text(encoding="utf-8"))
    wanted = dataclasses.asdict(expected)
    assert saved["experiment"]["recipe"] == {**wanted, "given": [*wanted["given"]]}
    assert saved["experiment"]["recipe"]["changed"]["network.hidden_size"] == 64
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))["configuration"]
    printed = " ".join(outcome.err.split())
    for key, value in expected.values().items():
        assert results[key] == value
        is_of_series = key.startswith(("series.", "forecast.")) or key == "linear_model.pooled"
        assert (f" {key}=" in printed) != is_of_series, key
    assert "network.hidden_size=5*" in printed


def test_a_wrong_setting_ends_before_anything_is_made(tidegate, tmp_path):
    outcome = tidegate("train", "imdb", "--out", tmp_path / "run", "--set", "hiden_size=5")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        "Error: recipe: expected a known key, got 'hiden_size'; did you mean network.hidden_size?\n"
    )
    assert not (tmp_path / "run").exists()


def test_a_run_whose_plan_is_missing_or_damaged_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match="expected a run that can be resumed"):
        run_config.load(tmp_path)
    for content, text in (
        ("{}", "expected format"),
        ('{"format": "tidegate.run/1"}', "expected a value of dataset, data, experiment, got none"),
    ):
        (tmp_path / "run.json").write_text(content, encoding="utf-8")
        with pytest.raises(FormatError, match=text):
            run_config.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "setting", "text"),
    [
        (
            "notebook",
            "embedding_update=lazy",
            "recipe: expected training.embedding_update=dense beside training.optimiser=keras-adam,"
            " for Keras moves all rows in every step, got 'lazy'",
        ),
        (
            "notebook",
            "max_length=0",
            "recipe: expected text.max_length above 0 beside text.padding=front, which pads to "
            "that length, got 0",
        ),
    ],
)
def test_values_that_exclude_each_other_are_refused(name, setting, text):
    with pytest.raises(RecipeError) as error:
        load(name).with_settings([setting])
    assert str(error.value) == text
    assert load("fast").with_settings([setting]).changes()
