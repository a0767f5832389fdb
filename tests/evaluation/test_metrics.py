"""Metrics by hand, for every kind of task."""

import math

import numpy as np
import pytest

from tidegate.evaluation.metrics import measure
from tidegate.task import Task


def test_binary():
    task = Task("binary", ("no", "yes"))
    found = measure(task, np.array([[0.0], [2.0], [-1.0], [3.0]]), np.array([1, 1, 1, 0]))
    expected = math.log(2) + math.log1p(math.exp(-2)) + math.log1p(math.e) + math.log1p(math.e**3)
    assert found == pytest.approx(
        {
            "loss": expected / 4,
            "accuracy": 1 / 4,
            "balanced_accuracy": (1 / 3 + 0) / 2,
            "macro_f1": (2 * 1 / (2 + 3) + 0) / 2,  # of yes: precision 1/2, recall 1/3
            "roc_auc": 0.0,
            # One bin: the answers' mean probability, less the one of four that is right.
            "calibration_error": sum(1 / (1 + math.exp(-one)) for one in (0, 2, 1, 3)) / 4 - 1 / 4,
        }
    )


def test_several_classes():
    task = Task("multi-class", ("a", "b", "c"))
    logits = np.log([[2.0, 1, 1], [1, 2, 1], [2, 1, 1], [1, 1, 2]])
    found = measure(task, logits, np.array([0, 1, 1, 2]))
    assert found["accuracy"] == 3 / 4
    assert found["balanced_accuracy"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert found["loss"] == pytest.approx(-(3 * math.log(1 / 2) + math.log(1 / 4)) / 4)
    # a against the rest: 1/2 above 1/4, 1/2, 1/4; b: 1/2 and 1/4 against 1/4, 1/4; c: all below.
    assert found["roc_auc"] == pytest.approx(((2 + 1 / 2) / 3 + (2 + 1) / 4 + 1) / 3)


def test_a_class_without_examples_is_left_out_of_means_over_classes():
    task = Task("multi-class", ("a", "b", "c"))
    found = measure(task, np.eye(3)[[0, 1, 0]], np.array([0, 1, 1]))
    assert found["balanced_accuracy"] == pytest.approx((1 + 1 / 2) / 2)
    assert "roc_auc" not in found


def test_labels():
    task = Task("multi-label", ("a", "b"))
    logits = np.array([[1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    found = measure(task, logits, np.array([[1, 0], [0, 1], [0, 1]]))
    assert found["accuracy"] == 2 / 3
    assert found["balanced_accuracy"] == pytest.approx((1 / 2 + 1 + 1 + 1) / 4)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)
    right, wrong = math.log1p(math.exp(-1)), math.log1p(math.e)
    assert found["loss"] == pytest.approx((5 * right + wrong) / 6)
    assert found["roc_auc"] == pytest.approx((3 / 4 + 1) / 2)


def test_regression():
    task = Task("regression", ("size",))
    found = measure(task, np.array([[1.0], [2.0], [6.0]]), np.array([1.0, 3.0, 5.0]))
    assert found == pytest.approx(
        {
            "loss": 2 / 3,
            "mean_absolute_error": 2 / 3,
            "root_mean_squared_error": (2 / 3) ** 0.5,
            "r2": 1 - 2 / 8,
            "correlation": 10 / math.sqrt(14 * 8),
        }
    )


def test_two_of_several_classes_are_measured_as_binary_ones():
    logits = np.random.default_rng(6).normal(size=(20, 1))
    targets = np.arange(20) % 2
    two = measure(Task("multi-class", ("a", "b")), np.hstack([np.zeros((20, 1)), logits]), targets)
    assert two == pytest.approx(measure(Task("binary", ("a", "b")), logits, targets))


def test_numbers_that_do_not_differ_have_no_correlation():
    task = Task("regression", ("size",))
    same = measure(task, np.full((3, 1), 2.0), np.array([1.0, 3.0, 5.0]))
    assert same["r2"] == pytest.approx(1 - (1 + 1 + 9) / 8)
    assert "correlation" not in same
    assert not {"r2", "correlation"} & {*measure(task, np.eye(3)[:, :1], np.full(3, 0.1))}
    assert not {"r2", "correlation"} & {*measure(task, np.ones((1, 1)), np.ones(1))}


def test_several_numbers_are_measured_as_their_mean():
    draws = np.random.default_rng(2)
    targets = draws.normal(size=(30, 2))
    outputs = targets + draws.normal(size=(30, 2))
    both = measure(Task("regression", ("x", "y")), outputs, targets)
    alone = [measure(Task("regression", ("x",)), outputs[:, [i]], targets[:, i]) for i in (0, 1)]
    for name in ("loss", "mean_absolute_error", "r2", "correlation"):
        assert both[name] == pytest.approx((alone[0][name] + alone[1][name]) / 2)


def test_one_label_is_measured_by_itself():
    """Its F1 is that of the label, not the mean over yes and no."""
    logits = np.array([[1.0], [1.0], [-1.0], [-1.0]])
    found = measure(Task("multi-label", ("a",)), logits, np.array([[1], [0], [1], [0]]))
    assert found["macro_f1"] == pytest.approx(1 / 2)
    assert found["roc_auc"] == pytest.approx(1 / 2)
