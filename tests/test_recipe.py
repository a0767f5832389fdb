"""Recipes: every value in a readable file, checked, changed by ``--set``, printed and saved."""

import dataclasses
import json
import math
import re
import tomllib
from importlib import resources
from typing import Literal, get_args, get_origin

import pytest

from tidegate.errors import FormatError, RecipeError, RunFolderError
from tidegate.runs import run_config
from tidegate.training import recipe as recipes
from tidegate.training.ranges import RANGES
from tidegate.training.recipe import KINDS, NAMES, Recipe, load

DEFAULT = load("default")


@pytest.mark.parametrize("name", NAMES)
def test_every_file_loads_with_every_value_in_the_order_of_the_class(name):
    file = resources.files("tidegate.training.recipes").joinpath(f"{name}.toml")
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    assert [*content] == [*KINDS]
    recipe = load(name)
    assert recipe.configuration() == {"name": name, **content}
    assert recipe.text_options().max_length == recipe.max_length
    assert recipe.text_options().full_token_ids == (recipe.linear_order > 0)
    assert recipe.changes() == {}


def test_there_is_a_file_for_every_name_and_no_other():
    folder = resources.files("tidegate.training.recipes")
    assert {p.name for p in folder.iterdir() if p.name.endswith(".toml")} == {
        f"{name}.toml" for name in NAMES
    }


def test_the_notebooks_values_are_the_notebooks():
    recipe = load("notebook")
    expected = {
        "vocabulary_size": 10_000,
        "max_length": 200,
        "padding": "front",
        "embedding_dim": 128,
        "hidden_size": 128,
        "bidirectional": False,
        "pooling": "last",
        "epochs": 5,
        "batch_size": 32,
        "validation_share": 0.2,
        "learning_rate": 1e-3,
        "linear_order": 0,
    }
    assert {key: getattr(recipe, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("hidden-size", "hidden_size"),
        ("hiden_size", "hidden_size"),
        ("learningrate", "learning_rate"),
        ("dropout", "word_dropout"),
        ("epoch", "epochs"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(key, near):
    with pytest.raises(RecipeError) as error:
        DEFAULT.with_settings([f"{key}=3"])
    assert f"expected a known key, got '{key}'; did you mean " in str(error.value)
    assert str(error.value).rpartition(" ")[2].rstrip("?") in KINDS
    if key != "dropout":
        assert str(error.value).endswith(f"did you mean {near}?")


def test_a_key_like_no_other_is_refused_with_all():
    with pytest.raises(RecipeError) as error:
        DEFAULT.with_values({"zzz": 1})
    assert str(error.value).endswith(f"; there are {', '.join(KINDS)}")
    with pytest.raises(RecipeError, match="got 'name'"):
        DEFAULT.with_values({"name": "mine"})


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("epochs=2", 2),
        (" epochs = 2 ", 2),
        ("learning_rate=1e-4", 1e-4),
        ("learning_rate=1", 1.0),
        ("bidirectional=false", False),
        ("bidirectional=True", True),
        ("pooling=mean", "mean"),
        ("word_dropout=0", 0),
    ],
)
def test_a_setting_is_read_by_the_kind_of_its_key(setting, expected):
    changed = DEFAULT.with_settings([setting])
    key = setting.partition("=")[0].strip()
    assert getattr(changed, key) == expected
    rest = dataclasses.replace(changed, **{key: getattr(DEFAULT, key)})
    assert rest == DEFAULT


def test_later_settings_win_and_changes_are_known():
    changed = DEFAULT.with_settings(["epochs=7", "pooling=last", "epochs=9"])
    assert (changed.epochs, changed.pooling) == (9, "last")
    assert changed.changes() == {"epochs": DEFAULT.epochs, "pooling": DEFAULT.pooling}


REFUSED = {
    "epochs": ["epochs=2.5", "epochs=many", "epochs=0", "epochs=-1", "epochs=", "epochs=true"],
    "learning_rate": [
        *("learning_rate=fast", "learning_rate=-1", "learning_rate=nan", "learning_rate=inf"),
        "learning_rate=1e+30",
    ],
    "word_dropout": ["word_dropout=1", "word_dropout=-0.1", "word_dropout=1.5"],
    "validation_share": ["validation_share=0", "validation_share=1"],
    "beta2": ["beta2=1"],
    "ema_decay": ["ema_decay=1"],
    "label_smoothing": ["label_smoothing=1"],
    "vocabulary_size": ["vocabulary_size=4"],
    "epsilon": ["epsilon=0"],
    "bidirectional": ["bidirectional=yes", "bidirectional=1"],
    "pooling": ["pooling=median", "pooling="],
    "optimiser": ["optimiser=sgd"],
    "embedding_dim": ["embedding_dim=1000000000"],
    "hidden_size": ["hidden_size=100000000000000000000"],
    "max_length": ["max_length=99999999999999999999999"],
    "layer_decay": ["layer_decay=1e+300"],
    "linear_strength": ["linear_strength=0", "linear_strength=1e+300"],
}


@pytest.mark.parametrize("setting", [text for texts in REFUSED.values() for text in texts])
def test_a_value_of_another_kind_or_out_of_range_is_refused(setting):
    key, _, text = setting.partition("=")
    with pytest.raises(RecipeError, match=f"^recipe: expected {key} of ") as error:
        DEFAULT.with_settings([setting])
    assert text in str(error.value)
    if get_origin(KINDS[key]) is Literal:
        assert ", ".join(get_args(KINDS[key])) in str(error.value)


def test_every_number_has_a_range_and_every_recipe_keeps_to_it():
    numbers = {key for key, kind in KINDS.items() if kind in (int, float)}
    assert {*RANGES} == numbers
    for name in NAMES:
        recipe = load(name)
        assert all(getattr(recipe, key) in RANGES[key] for key in numbers)
    for range_ in RANGES.values():
        assert all(math.isfinite(end) for end in (range_.low, range_.high))


def test_a_range_is_said_with_both_ends():
    with pytest.raises(RecipeError) as error:
        DEFAULT.with_values({"linear_strength": 0})
    assert str(error.value) == (
        "recipe: expected linear_strength of above 0 and at most 1,000,000, got 0"
    )


def test_a_setting_without_a_value_is_refused():
    with pytest.raises(RecipeError, match="--set: expected key=value, got 'epochs'"):
        DEFAULT.with_settings(["epochs"])


@pytest.mark.parametrize("key", [key for key, kind in KINDS.items() if kind in (int, float)])
def test_no_number_may_be_negative_or_not_finite(key):
    for value in (-1, math.nan, math.inf):
        kind_is_right = KINDS[key] is float or isinstance(value, int)
        with pytest.raises(RecipeError, match=f"expected {key} of"):
            DEFAULT.with_values({key: value if kind_is_right else float(value)})


def test_a_file_without_a_value_or_with_one_too_many_is_refused(monkeypatch, tmp_path):
    text = resources.files("tidegate.training.recipes").joinpath("fast.toml").read_text("utf-8")
    monkeypatch.setattr(recipes.resources, "files", lambda package: tmp_path)
    (tmp_path / "fast.toml").write_text(text.replace("epochs = ", "epoch = "), encoding="utf-8")
    with pytest.raises(RecipeError, match=re.escape("recipe fast: expected every value, got none")):
        load("fast")
    (tmp_path / "fast.toml").write_text(text + "\nrate = 1\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="got 'rate'; did you mean"):
        load("fast")
    (tmp_path / "fast.toml").write_text(text, encoding="utf-8")
    assert isinstance(load("fast"), Recipe)


SMALL = [
    *("--set", "hidden_size=5", "--set", "embedding_dim=6", "--set", "vocabulary_size=30"),
    *("--set", "bigram_vocabulary_size=0", "--set", "linear_order=0", "--epochs", "1"),
    *("--threads", "1"),
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
            "linear_order": 0,
            "epochs": 1,
        }
    )
    assert run_config.load(run).experiment.recipe == expected
    saved = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert saved["experiment"]["recipe"] == expected.configuration()
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))["configuration"]
    printed = " ".join(outcome.err.split())
    for key in KINDS:
        assert results[key] == getattr(expected, key)
        assert f" {key}=" in printed, key
    assert "hidden_size=5" in printed


def test_a_wrong_setting_ends_before_anything_is_made(tidegate, tmp_path):
    outcome = tidegate("train", "imdb", "--out", tmp_path / "run", "--set", "hiden_size=5")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        "Error: recipe: expected a known key, got 'hiden_size'; did you mean hidden_size?\n"
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


def test_rules_that_exclude_each_other_are_refused():
    with pytest.raises(RecipeError, match="table_rule=dense beside optimiser=keras-adam.*'lazy'"):
        load("notebook").with_settings(["table_rule=lazy"])
    assert load("fast").with_settings(["table_rule=lazy"]).table_rule == "lazy"
