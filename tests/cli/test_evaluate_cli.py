"""``tidegate evaluate``: what it prints, on wide and narrow terminals, and its JSON."""

import json
import sys

import numpy as np
import pytest
from rich.console import Console

from model_samples import make_folder
from tidegate import terminal
from tidegate.cli import evaluation_tables
from tidegate.evaluation.measurement import measure_all
from tidegate.inference.evaluate import Evaluation
from tidegate.task import Task


@pytest.fixture
def model(tmp_path):
    """A model folder with a linear model."""
    folder, _ = make_folder(with_linear=True)
    folder.save(tmp_path / "model")
    return tmp_path / "model"


def test_json_has_all_and_messages_go_elsewhere(tidegate, model, reviews):
    outcome = tidegate("evaluate", model, "imdb", "--data", reviews, "--json")
    assert outcome.code == 0, outcome.err
    content = json.loads(outcome.out)
    assert content["format"] == "tidegate.evaluation/1"
    assert content["num_examples"] == 40
    assert [*content["parts"]] == ["all", "network", "linear"]
    for part in content["parts"].values():
        matrix = np.array(part["confusion"])
        assert matrix.sum(1).tolist() == [20, 20]
        assert part["metrics"]["accuracy"] == pytest.approx(np.trace(matrix) / 40)
        assert [one["support"] for one in part["classes"]] == [20, 20]


def test_the_screen_shows_what_the_json_has(tidegate, model, reviews):
    arguments = ("evaluate", model, "imdb", "--data", reviews)
    outcome = tidegate(*arguments)
    assert outcome.code == 0, outcome.err
    assert "40 examples of imdb" in outcome.err
    assert "40 examples" not in outcome.out
    whole = json.loads(tidegate(*arguments, "--json").out)["parts"]["all"]
    for name in ("whole model", "network alone", "linear model alone", "balanced accuracy"):
        assert name in outcome.out
    for name, value in whole["metrics"].items():
        assert f"{value:.4f}" in outcome.out
        low, high = whole["intervals"][name] or (0, 0)
        assert not high or f"{low:.4f} to {high:.4f}" in outcome.out
    lines = [line.split() for line in outcome.out.splitlines()]
    for row in whole["classes"]:
        scores = (row[key] for key in ("precision", "recall", "f1"))
        shown = ["\N{EN DASH}" if score is None else f"{score:.4f}" for score in scores]
        assert [row["name"], *shown, "20"] in lines
    for row, counts in zip(whole["classes"], whole["confusion"], strict=True):
        assert [row["name"], *map(str, counts)] in lines


@pytest.mark.parametrize("missing", ["sklearn", "scipy"])
def test_a_missing_package_is_said_with_the_command(missing, tidegate, model, reviews, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    outcome = tidegate("evaluate", model, "imdb", "--data", reviews)
    assert outcome.code == 1
    assert "; pip install " in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.out == ""


def printed(evaluation, width, monkeypatch, capsys):
    """What is printed on a terminal of this width."""
    monkeypatch.setattr(
        terminal, "console", lambda: Console(width=width, highlight=False, markup=False)
    )
    evaluation_tables.show(evaluation)
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= width
    return text


def drawn(kind, count, num_examples=300):
    """An evaluation of drawn predictions."""
    task = Task(kind, tuple(f"class[{one}]" for one in range(count)))
    draws = np.random.default_rng(0)
    scores = draws.normal(size=(num_examples, count))
    if kind == "multi-label":
        targets = draws.integers(0, 2, (num_examples, count))
        predictions = 1 / (1 + np.exp(-scores - 2 * targets + 1))
    elif kind == "regression":
        targets, predictions = draws.normal(size=num_examples), scores
    else:
        targets = draws.integers(0, count, num_examples)
        predictions = np.exp(scores + 3 * np.eye(count)[targets])
        predictions /= predictions.sum(1, keepdims=True)
    parts = measure_all(task, {"all": predictions, "network": predictions[::-1]}, targets)
    return Evaluation(task, num_examples, parts)


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize(
    ("kind", "count"),
    [
        *(("multi-class", 3), ("multi-class", 12), ("multi-class", 40)),
        *(("multi-label", 5), ("regression", 1)),
    ],
)
def test_no_figure_is_lost_on_any_terminal(kind, count, width, monkeypatch, capsys):
    evaluation = drawn(kind, count, 1000)
    text = printed(evaluation, width, monkeypatch, capsys)
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    for part in evaluation.parts.values():
        for name, value in part.metrics.items():
            low, high = part.intervals[name]
            assert f"{value:.4f}" in text
            assert f"{low:.4f} to {high:.4f}" in text
    for row in evaluation.parts["all"].classes or []:
        assert row.name in text
        assert f"{row.recall:.4f}" in text


def test_many_classes_have_their_mistakes_listed(monkeypatch, capsys):
    evaluation = drawn("multi-class", 40)
    text = printed(evaluation, 100, monkeypatch, capsys)
    lines = text.split("Most frequent mistakes, whole model")[1].split("\n")
    rows = [line.split() for line in lines if line.startswith(" class[")]
    assert len(rows) == 10
    counts = evaluation.parts["all"].confusion
    right, answer = (evaluation.task.classes.index(name) for name in rows[0][:2])
    wrong = counts * ~np.eye(40, dtype=bool)
    assert int(rows[0][2]) == wrong.max() == counts[right, answer]
    assert rows[0][3] == f"{100 * wrong.max() / counts[right].sum():.1f}"


@pytest.mark.parametrize(("count", "width", "is_matrix"), [(12, 200, True), (12, 80, False)])
def test_a_matrix_is_printed_where_it_fits(count, width, is_matrix, monkeypatch, capsys):
    text = printed(drawn("multi-class", count), width, monkeypatch, capsys)
    assert ("Confusion matrix" in text) == is_matrix
    assert ("Most frequent mistakes" in text) == (not is_matrix)


def test_labels_have_four_outcomes(monkeypatch, capsys):
    evaluation = drawn("multi-label", 2)
    text = printed(evaluation, 100, monkeypatch, capsys)
    rows = [line.split() for line in text.splitlines()]
    (neither, extra), (missed, both) = evaluation.parts["all"].confusion[1].tolist()
    assert ["class[1]", *map(str, (both, missed, extra, neither))] in rows


def test_a_model_without_mistakes(monkeypatch, capsys):
    task = Task("multi-class", tuple(map(str, range(13))))
    parts = measure_all(task, {"all": np.eye(13)}, np.arange(13))
    text = printed(Evaluation(task, 13, parts), 100, monkeypatch, capsys)
    assert "No mistakes." in text
    assert ["accuracy", "1.0000"] in [line.split() for line in text.splitlines()]
