"""Evaluations of trained models: against scikit-learn, from names, as JSON, without torch."""

import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics

import tidegate
from model_samples import BINARY, make_folder, texts
from tidegate.errors import DataError, MissingPackageError
from tidegate.inference import evaluate as module
from tidegate.inference.evaluate import evaluate
from tidegate.inference.predictor import Predictor
from tidegate.task import Task

CLASSES = Task("multi-class", ("a", "b", "c"))
LABELS = Task("multi-label", ("a", "b"))
NUMBERS = Task("regression", ("x",))
TASKS = [BINARY, CLASSES, LABELS, NUMBERS]


def sample(task, count=60):
    """A model with texts and targets."""
    folder, _ = make_folder(task, with_linear=task.has_one_class)
    outputs = np.random.default_rng(2).normal(size=(count, task.num_outputs))
    targets = task.decide(outputs)
    return Predictor(folder), texts(count), targets


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_every_part_is_measured_on_its_own_answers(task):
    model, given, targets = sample(task)
    found = evaluate(model, given, targets)
    assert found.num_examples == 60
    assert [*found.parts] == [*model.parts]
    for part, measured in found.parts.items():
        answers = task.decide(model.outputs(given, part=part))
        if not task.is_classification:
            error = metrics.mean_absolute_error(targets, answers)
            assert measured.metrics["mean_absolute_error"] == pytest.approx(error)
            assert measured.confusion is measured.classes is None
            continue
        accuracy = metrics.accuracy_score(targets, answers)
        assert measured.metrics["accuracy"] == pytest.approx(accuracy)
        average = metrics.f1_score(targets, answers, average=None, zero_division=0)
        assert [one.f1 for one in measured.classes] == pytest.approx(average)
        matrix = metrics.confusion_matrix if task.has_one_class else None
        matrix = matrix or metrics.multilabel_confusion_matrix
        np.testing.assert_array_equal(measured.confusion, matrix(targets, answers))
        low, high = measured.intervals["accuracy"]
        assert low <= accuracy <= high


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_targets_may_be_names_lists_or_arrays(task):
    model, given, targets = sample(task, 8)
    expected = evaluate(model, given, targets).to_json()
    names = task.named(targets)
    for same in (names, targets.tolist(), tuple(names)):
        assert evaluate(model, given, same).to_json() == expected
    if task.has_one_class:
        assert evaluate(model, given, np.array(names)).to_json() == expected
        assert evaluate(model, given, targets.astype(np.int32)).to_json() == expected


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
@pytest.mark.parametrize("count", [1, 2, 60])
def test_json_is_finite_and_whole(task, count):
    model, given, targets = sample(task, count)
    content = evaluate(model, given, targets).to_json()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["format"] == "tidegate.evaluation/1"
    assert content["task"] == task.to_json()
    assert content["num_examples"] == count
    for part in content["parts"].values():
        assert {*part} == {"metrics", "intervals", "classes", "confusion"}
        assert {*part["metrics"]} == {*part["intervals"]}
        if count == 1:
            assert {*part["intervals"].values()} == {None}
        if task.is_classification:
            assert [one["name"] for one in part["classes"]] == [*task.classes]
            assert len(part["confusion"]) == len(task.classes)


def test_a_class_without_examples_has_no_recall():
    model, given, _ = sample(CLASSES, 20)
    part = evaluate(model, given, ["a"] * 20).to_json()["parts"]["all"]
    assert [one["recall"] for one in part["classes"]][1:] == [None, None]
    assert part["confusion"][1:] == [[0, 0, 0], [0, 0, 0]]
    assert "roc_auc" not in part["metrics"]


@pytest.mark.parametrize(
    ("task", "targets", "message"),
    [
        (
            BINARY,
            ["pos"],
            "as many targets as examples and at least one, got 2 examples and 1 targets",
        ),
        (BINARY, ["pos", "good"], "a class of neg, pos at index 1 of the targets, got 'good'"),
        (BINARY, [0, 2], "expected targets from 0 to 1"),
        (BINARY, [0.0, 1.0], "expected targets of int64 and shape"),
        (CLASSES, ["a", None], "a class of a, b, c at index 1 of the targets, got None"),
        (LABELS, [["a"], ["c"]], "a list of labels of a, b at index 1"),
        (LABELS, [[1, 0], [1]], "evaluate: "),
        (NUMBERS, [1.0, float("nan")], "expected targets that are finite"),
        (NUMBERS, [1.0, "2"], "a number at index 1 of the targets, got '2'"),
    ],
)
def test_targets_that_do_not_fit_are_named(task, targets, message):
    model, given, _ = sample(task, 2)
    with pytest.raises(DataError, match=message):
        evaluate(model, given, targets)


def test_nothing_cannot_be_measured():
    model, _, _ = sample(BINARY, 1)
    with pytest.raises(DataError, match="at least one, got 0 examples and 0 targets"):
        evaluate(model, [], [])


@pytest.mark.parametrize("missing", ["sklearn", "scipy"])
def test_a_missing_package_is_named_with_the_command(missing, monkeypatch):
    model, given, targets = sample(BINARY, 2)
    monkeypatch.setitem(sys.modules, missing, None)
    name = module.PACKAGES[missing]
    with pytest.raises(MissingPackageError, match=f"got no {name}; pip install {name}$"):
        evaluate(model, given, targets)


def test_torch_is_not_needed(tmp_path):
    folder, _ = make_folder(with_linear=True)
    folder.save(tmp_path / "model")
    code = (
        "import json, sys, tidegate\n"
        "model = tidegate.load(sys.argv[1])\n"
        "found = tidegate.evaluate(model, ['good film', 'bad'], ['pos', 'neg'])\n"
        "print(json.dumps(found.to_json()))\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model")],
        capture_output=True,
        text=True,
        check=True,
    )
    model = tidegate.load(tmp_path / "model")
    expected = tidegate.evaluate(model, ["good film", "bad"], ["pos", "neg"]).to_json()
    assert json.loads(done.stdout) == expected
