"""The calibration error by hand, and its bins."""

import numpy as np
import pytest

from tidegate.evaluation.calibration import (
    NUM_BINS,
    answer_probabilities,
    calibration_error,
    equal_bins,
)
from tidegate.task import Task


def test_by_hand():
    """Twenty examples make two bins: of 0.6, where half are right, and of 0.9, where all are."""
    probabilities = np.repeat([0.6, 0.9], 10)
    is_right = np.repeat([True, False, True], [5, 5, 10])
    assert calibration_error(probabilities, is_right) == pytest.approx((0.1 + 0.1) / 2)


def test_errors_of_one_bin_cancel_and_of_two_do_not():
    probabilities = np.repeat([0.6, 0.8], 10)
    assert calibration_error(probabilities[5:15], np.arange(10) < 7) == pytest.approx(0.0)
    is_right = np.repeat([True, False, True, False], [8, 2, 6, 4])
    assert calibration_error(probabilities, is_right) == pytest.approx(0.2)


def test_the_order_of_the_examples_does_not_matter():
    draws = np.random.default_rng(0)
    probabilities = draws.choice([0.5, 0.6, 0.9], 400)
    is_right = draws.random(400) < probabilities
    order = draws.permutation(400)
    shuffled = calibration_error(probabilities[order], is_right[order])
    assert calibration_error(probabilities, is_right) == pytest.approx(shuffled, abs=1e-15)


@pytest.mark.parametrize(("count", "num_bins"), [(1, 1), (19, 1), (20, 2), (150, 15), (9000, 15)])
def test_bins_have_equal_numbers_of_examples(count, num_bins):
    bins = equal_bins(np.random.default_rng(1).random(count))
    sizes = np.bincount(bins)
    assert len(sizes) == num_bins <= NUM_BINS
    assert sizes.max() - sizes.min() <= 1


def test_a_calibrated_classifier_has_a_small_error_and_a_sure_one_a_large_one():
    draws = np.random.default_rng(4)
    probabilities = draws.uniform(0.5, 1, 30_000)
    is_right = draws.random(30_000) < probabilities
    assert calibration_error(probabilities, is_right) < 0.01
    sure = np.full(30_000, 0.95)
    assert calibration_error(sure, is_right) == pytest.approx(0.95 - is_right.mean())


def test_the_probability_of_the_answer():
    several = np.array([[0.2, 0.5, 0.3], [0.9, 0.05, 0.05]])
    classes = Task("multi-class", ("a", "b", "c"))
    np.testing.assert_array_equal(answer_probabilities(classes, several), [[0.5], [0.9]])
    labels = answer_probabilities(Task("multi-label", ("a", "b", "c")), several)
    np.testing.assert_allclose(labels, [[0.8, 0.5, 0.7], [0.9, 0.95, 0.95]])
