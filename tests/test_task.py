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
    np.testing.assert_allclose(COLOURS.probabilities(logits + 1e6), expected, rtol=1e-9)
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
