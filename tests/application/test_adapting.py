"""A run by `default` on small sets: what it changes, says and keeps."""

import json
from dataclasses import replace

import numpy as np
import pytest

import tidegate
from tidegate.application.adapting import adapted
from tidegate.application.arguments import make_config
from tidegate.data import sources
from tidegate.data.dataset import Split, TextDataset
from tidegate.runs.events import RunBegins
from tidegate.task import Task

SMALL = {"embedding_dim": 4, "hidden_size": 4, "linear_model.order": 1}
FIRST = "37 texts of about 3 tokens: 20 epochs instead of 3"


@pytest.fixture
def reviews(tmp_path):
    """A file of 50 labelled texts, ten of them for the test."""
    lines = ["text,label,part"]
    for number in range(50):
        word, label = ("good", "yes") if number % 2 else ("bad", "no")
        part = "test" if number >= 40 else "train"
        lines.append(f"a {word} film{number % 7},{label},{part}")
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def texts_of(count, *, length=20):
    """Texts of words that are drawn."""
    draws = np.random.default_rng(0).integers(0, 9_999, (count, length))
    rows = [" ".join(f"w{number}" for number in row) for row in draws]
    split = Split(rows, np.arange(count) % 2)
    return TextDataset("drawn", "nowhere", split, split, Task())


def config_of(**arguments):
    """A configuration of `default` on the data set imdb."""
    arguments = {"recipe": "default", "cells": ["gru"], "seeds": [0]} | arguments
    return make_config("imdb", **arguments)


def test_a_run_says_what_it_adapted_and_resumes_with_it(reviews, tmp_path):
    told = []
    options = {"text": "text", "label": "label", "split": "part", "settings": SMALL}
    run = tidegate.train(reviews, out=tmp_path / "run", threads=1, callback=told.append, **options)
    recipe = run.config.experiment.recipe
    assert recipe.training.epochs == 20
    assert recipe.adapted["training.epochs"] == FIRST
    assert (recipe.network.hidden_size, recipe.linear_model.order) == (4, 1)
    assert next(e for e in told if isinstance(e, RunBegins)).config == run.config
    found = run.results.configuration
    assert found["adapted"] == recipe.adapted
    assert found["changed"]["training.epochs"] == 3
    assert len(run.results.jobs[0].history) == 20
    page = run.report.read_text()
    assert FIRST in page
    assert "by the recipe default, adapted to the data with network.embedding_dim 4" in page
    assert "of the recipe" not in page.partition("</h1>")[0]

    # Another rule since then: the run keeps the values that it began with.
    path = run.folder / "run.json"
    content = json.loads(path.read_text())
    content["experiment"]["recipe"]["training"]["epochs"] = 2
    path.write_text(json.dumps(content))
    (run.folder / "results.json").unlink()
    (run.folder / "models" / "gru-seed0.json").unlink()
    resumed = tidegate.resume(run.folder)
    assert resumed.config.experiment.recipe.training.epochs == 2
    assert len(resumed.results.jobs[0].history) == 2


def test_what_the_user_gives_stays():
    config = adapted(config_of(settings={"training.epochs": 3}), texts_of(500))
    assert config.experiment.recipe.training.epochs == 3
    assert config.experiment.recipe.training.batch_size == 16


def test_a_recipe_that_does_not_adapt_and_language_models_alone_stay():
    for config in (config_of(recipe="fast"), replace(config_of(), only_pretrain=True)):
        assert adapted(config, texts_of(500)) == config


@pytest.mark.parametrize("option", ["init_from", "unlabelled"])
def test_language_models_of_other_texts_stay(option):
    config = config_of()
    experiment = replace(config.experiment, **{option: "/elsewhere"})
    recipe = adapted(replace(config, experiment=experiment), texts_of(4_000)).experiment.recipe
    assert recipe.training.epochs == 9
    assert recipe.pretraining == config.experiment.recipe.pretraining
    alone = adapted(config, texts_of(4_000)).experiment.recipe
    assert alone.pretraining.streams == 16


def test_a_network_of_characters_has_the_widths_of_its_language_model():
    config = config_of(settings={"text.tokens": "characters"})
    letters = texts_of(2_000)
    assert adapted(config, letters).experiment.recipe.network.hidden_size == 128
    begun = replace(config, experiment=replace(config.experiment, init_from="/elsewhere"))
    recipe = adapted(begun, letters).experiment.recipe
    assert (recipe.network.hidden_size, recipe.dropout.word) == (64, 0)


@pytest.mark.parametrize("limit", [2_000, None])
def test_the_reviews_of_imdb_keep_the_recipe(limit):
    config = config_of(limit=limit)
    assert adapted(config, sources.load("imdb")) == config
