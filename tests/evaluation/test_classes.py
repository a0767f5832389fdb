"""Tables of classes and confusion matrices, by hand and of awkward cases."""

import json

import numpy as np
import pytest

from tidegate.evaluation.classes import (
    ClassScores,
    Mistake,
    confusion,
    largest_mistakes,
    table_of_classes,
)
from tidegate.evaluation.measurement import measure_all
from tidegate.task import Task

THREE = Task("multi-class", ("a", "b", "c"))
LABELS = Task("multi-label", ("a", "b"))


def test_a_table_by_hand():
    answers, targets = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    assert table_of_classes(THREE, answers, targets) == [
        ClassScores("a", 1 / 2, 1 / 2, 1 / 2, 2),
        ClassScores("b", pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3), 3),
        ClassScores("c", None, None, None, 0),
    ]
    np.testing.assert_array_equal(
        confusion(THREE, answers, targets), [[1, 1, 0], [1, 2, 0], [0, 0, 0]]
    )


def test_what_is_never_answered_or_never_right():
    answers, targets = np.array([2, 2, 1]), np.array([0, 0, 1])
    never_answered, _, never_right = table_of_classes(THREE, answers, targets)
    assert never_answered == ClassScores("a", None, 0.0, 0.0, 2)
    assert never_right == ClassScores("c", 0.0, None, 0.0, 0)


@pytest.mark.parametrize("num_labels", [1, 2])
def test_labels_by_hand(num_labels):
    answers = np.array([[1, 0], [1, 1], [0, 1], [0, 1]])[:, :num_labels]
    targets = np.array([[1, 0], [0, 1], [1, 1], [0, 1]])[:, :num_labels]
    task = Task("multi-label", ("a", "b")[:num_labels])
    expected = [ClassScores("a", 1 / 2, 1 / 2, 1 / 2, 2), ClassScores("b", 1.0, 1.0, 1.0, 3)]
    assert table_of_classes(task, answers, targets) == expected[:num_labels]
    counts = confusion(task, answers, targets)
    np.testing.assert_array_equal(counts, [[[1, 1], [1, 1]], [[1, 0], [0, 3]]][:num_labels])


def test_a_label_that_is_never_there():
    answers, targets = np.zeros((2, 2), np.int64), np.array([[1, 0], [0, 0]])
    assert table_of_classes(LABELS, answers, targets) == [
        ClassScores("a", None, 0.0, 0.0, 1),
        ClassScores("b", None, None, None, 0),
    ]
    np.testing.assert_array_equal(confusion(LABELS, answers, targets)[1], [[2, 0], [0, 0]])


def test_the_largest_mistakes_come_first_and_right_answers_are_none():
    counts = np.array([[90, 10, 0], [3, 1, 0], [0, 0, 0]])
    assert largest_mistakes(("a", "b", "c"), counts) == [
        Mistake("a", "b", 10, 0.1),
        Mistake("b", "a", 3, 0.75),
    ]
    assert largest_mistakes(("a", "b", "c"), counts, most=1) == [Mistake("a", "b", 10, 0.1)]
    assert largest_mistakes(("a", "b"), np.eye(2, dtype=np.int64)) == []


def test_forty_classes_of_which_some_are_missing():
    task = Task("multi-class", tuple(map(str, range(40))))
    draws = np.random.default_rng(0)
    targets = draws.integers(0, 38, 500)
    scores = draws.normal(size=(500, 40)) + 3 * np.eye(40)[targets]
    chances = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    (measured,) = measure_all(task, {"one": chances}, targets).values()
    assert measured.confusion.shape == (40, 40)
    assert measured.confusion[38:].sum() == 0
    assert [one.support for one in measured.classes] == np.bincount(targets, minlength=40).tolist()
    assert measured.classes[39].recall is None
    assert "roc_auc" not in measured.metrics
    accuracy = measured.confusion.trace() / 500
    assert measured.metrics["accuracy"] == pytest.approx(accuracy)
    low, high = measured.intervals["accuracy"]
    assert low < accuracy < high
    json.dumps(measured.to_json(), allow_nan=False)
