"""Tasks: what is asked, how outputs become probabilities and answers, and what comes back."""

import json

import numpy as np
import pytest

from tidegate.errors import FormatError
from tidegate.task import Task

BINARY = Task("binary", ("no", "yes"))
COLOURS = Task("multi-class", ("red", "green", "blue"))
LABELS = Task("multi-label", ("fast", "cheap"))
SIZE = Task("regression", ("size",))


def test_probabilities_of_one_logit():
    found = BINARY.probabilities(np.array([[0.0], [2.0], [-1.0], [-800.0], [800.0]]))
    np.testing.assert_allclose(found[:3, 1], [0.5, 0.880797077978, 0.268941421370])
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-15)
    assert found[3:].tolist() == [[1, 0], [0, 1]]


def test_probabilities_of_several_logits():
    logits = np.log([[1.0, 2.0, 5.0], [1.0, 1.0, 2.0]])
    expected = [[1 / 8, 2 / 8, 5 / 8], [1 / 4, 1 / 4, 2 / 4]]
    np.testing.assert_allclose(COLOURS.probabilities(logits), expected, rtol=1e-14)
    # A number near 1e6 is rounded by up to 6e-11.
    shifted = COLOURS.probabilities(logits + 1e6)
    np.testing.assert_allclose(shifted, expected, atol=1e-10)
    found = LABELS.probabilities(np.array([[0.0, 2.0]]))
    np.testing.assert_allclose(found, [[0.5, 0.880797077978]])


def test_a_regression_has_no_probabilities():
    with pytest.raises(ValueError, match="expected a classification for probabilities"):
        SIZE.probabilities(np.ones((1, 1)))


def test_answers_and_their_names():
    # A logit of 0 is on neither side: the first class, or no label.
    assert BINARY.decide(np.array([[0.0], [0.1], [-3]])).tolist() == [0, 1, 0]
    assert COLOURS.decide(np.array([[0.0, 3, 1], [2, 1, 0]])).tolist() == [1, 0]
    assert LABELS.decide(np.array([[0.0, 0.1], [1, 1]])).tolist() == [[0, 1], [1, 1]]
    assert BINARY.named(np.array([1, 0])) == ["yes", "no"]
    assert COLOURS.named(np.array([2])) == ["blue"]
    assert LABELS.named(np.array([[0, 1], [1, 1], [0, 0]])) == [["cheap"], ["fast", "cheap"], []]
    assert SIZE.named(SIZE.decide(np.array([[0.5], [2.0]]))) == [0.5, 2.0]
    assert Task("regression", ("a", "b")).named(np.array([[1.0, 2.0]])) == [[1.0, 2.0]]


def test_soft_targets_are_those_that_the_losses_take():
    np.testing.assert_allclose(BINARY.soft_targets(np.array([[0.0], [2.0]])), [0.5, 0.880797077978])
    assert COLOURS.soft_targets(np.zeros((2, 3))).shape == (2, 3)
    assert SIZE.soft_targets(np.array([[3.0]])).tolist() == [[3.0]]


@pytest.mark.parametrize("task", [BINARY, COLOURS, LABELS, SIZE], ids=lambda task: task.kind)
def test_they_come_back_from_json(task):
    assert Task.from_json(json.loads(json.dumps(task.to_json()))) == task
    assert task.num_outputs == (1 if task.kind == "binary" else len(task.classes))


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"kind": "binary"},
        {"kind": "ternary", "classes": ["a", "b"]},
        {"kind": "binary", "classes": ["a"]},
        {"kind": "binary", "classes": "ab"},
        {"kind": "binary", "classes": ["a", 1]},
        {"kind": "multi-class", "classes": ["a", "a"]},
        {"kind": "binary", "classes": ["a", "b"], "more": 1},
    ],
)
def test_what_is_no_task_is_refused(content):
    with pytest.raises(FormatError, match="task: .*"):
        Task.from_json(content)


@pytest.mark.parametrize(
    ("kind", "classes", "text"),
    [
        ("ternary", "ab", r"expected a kind of \('binary', .*, got 'ternary'"),
        ("binary", "abc", "expected 2 names of classes for binary, got 3"),
        ("multi-class", "a", "expected at least 2 names of classes for multi-class, got 1"),
        ("multi-label", "", "expected at least 1 names of classes for multi-label, got 0"),
        ("multi-class", "aba", r"expected distinct names of classes, got \('a', 'b', 'a'\)"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused(kind, classes, text):
    with pytest.raises(ValueError, match=text):
        Task(kind, tuple(classes))


def test_the_metrics_of_a_task_begin_with_what_models_are_compared_by():
    for task in (BINARY, COLOURS, LABELS):
        assert task.main_metric.name == "accuracy"
        assert task.main_metric.sign == 1
        names = [metric.name for metric in task.metrics]
        assert names[:3] == ["accuracy", "balanced_accuracy", "macro_f1"]
        assert names[3:] == ["roc_auc", "calibration_error", "loss"]
    assert SIZE.main_metric.name == "mean_absolute_error"
    assert SIZE.main_metric.sign == -1
    assert not SIZE.main_metric.is_share


@pytest.mark.parametrize("task", [BINARY, COLOURS, LABELS, SIZE], ids=lambda task: task.kind)
def test_what_is_kept_of_outputs_decides_as_they_do(task):
    outputs = np.random.default_rng(3).normal(size=(50, task.num_outputs))
    kept = task.predictions(outputs)
    assert kept.shape == (50, len(task.classes))
    np.testing.assert_array_equal(task.decide_by(kept), task.decide(outputs))


def test_answers_become_targets_and_come_back():
    for task, answers in (
        (BINARY, ["yes", "no"]),
        (COLOURS, ["blue", "red"]),
        (LABELS, [["cheap"], [], ["fast", "cheap"]]),
        (SIZE, [1.5, -2.0]),
        (Task("regression", ("x", "y")), [[1.0, 2.0], [3.0, 4.0]]),
    ):
        targets = task.targets([task.target(answer) for answer in answers])
        task.check_targets(targets)
        assert task.named(targets) == answers


@pytest.mark.parametrize(
    ("task", "answer", "expected"),
    [
        (COLOURS, "pink", "a class of red, green, blue"),
        (COLOURS, ["red"], "a class of red, green, blue"),
        (LABELS, "fast", "a list of labels of fast, cheap"),
        (LABELS, ["slow"], "a list of labels of fast, cheap"),
        (SIZE, "1.5", "a number"),
        (SIZE, True, "a number"),
        (SIZE, float("nan"), "a number"),
        (Task("regression", ("x", "y")), [1.0], "a list of 2 numbers"),
    ],
)
def test_what_is_no_answer_is_refused(task, answer, expected):
    with pytest.raises(ValueError, match=f"^{expected}$"):
        task.target(answer)


@pytest.mark.parametrize(
    ("task", "targets", "expected"),
    [
        (BINARY, np.array([0.0]), r"int64 and shape \(1,\), got float64"),
        (COLOURS, np.array([[1, 0, 0]]), r"shape \(1,\), got int64 and \(1, 3\)"),
        (COLOURS, np.array([3]), "expected targets from 0 to 2"),
        (LABELS, np.array([1, 0]), r"shape \(2, 2\), got int64 and \(2,\)"),
        (LABELS, np.array([[2, 0]]), "expected targets from 0 to 1"),
        (SIZE, np.array([np.inf]), "expected targets that are finite"),
        (SIZE, np.ones((2, 2)), r"shape \(2,\) or \(2, 1\)|shape \(2, 1\) or \(2,\)"),
    ],
)
def test_targets_of_another_form_are_refused(task, targets, expected):
    with pytest.raises(ValueError, match=expected):
        task.check_targets(targets)


def test_the_same_answer_to_everything():
    def shares(task, targets):
        outputs = task.constant_outputs(np.array(targets))
        assert outputs.shape == (task.num_outputs,)
        return task.predictions(outputs[None])[0]

    # Counted once more than they occur: 3 and 1 become 4 and 2.
    np.testing.assert_allclose(shares(BINARY, [0, 1, 0, 0]), [4 / 6, 2 / 6])
    np.testing.assert_allclose(shares(COLOURS, [2, 2, 0]), [2 / 6, 1 / 6, 3 / 6])
    np.testing.assert_allclose(shares(LABELS, [[1, 0], [1, 1]]), [3 / 4, 2 / 4])
    np.testing.assert_allclose(shares(SIZE, [1.0, 2.0, 6.0]), [3.0])


def test_targets_as_probabilities():
    assert COLOURS.as_soft(np.array([2, 0])).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert BINARY.as_soft(np.array([1, 0])).tolist() == [1, 0]
    # Numbers in the shape of a network's answers.
    assert SIZE.as_soft(np.array([1.5, 2.0])).tolist() == [[1.5], [2.0]]
    for task in (BINARY, COLOURS, LABELS):
        outputs = np.ones((2, task.num_outputs))
        targets = task.decide(outputs)
        assert task.as_soft(targets).shape == task.soft_targets(outputs).shape


def test_classes_that_no_target_has():
    assert COLOURS.missing(np.array([2, 2])) == ["red", "green"]
    assert LABELS.missing(np.array([[0, 0]])) == []
