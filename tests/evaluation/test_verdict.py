"""Verdicts: which model is better, which are level, and how far a figure can be trusted."""

import numpy as np
import pytest

from tidegate.evaluation.intervals import Interval, mean_interval
from tidegate.evaluation.verdict import interval, judge, num_level_with_best, scores
from tidegate.task import METRICS, Task

ACCURACY, ERROR = METRICS["accuracy"], METRICS["mean_absolute_error"]


def rights(num_right, count=100):
    return (np.arange(count) < num_right).astype(float)


def test_scores_are_what_the_main_metric_is_the_mean_of():
    colours = Task("multi-class", ("red", "green", "blue"))
    chances = np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]])
    assert scores(colours, chances, np.array([1, 2])).tolist() == [1, 0]
    labels = Task("multi-label", ("fast", "cheap"))
    chances = np.array([[0.9, 0.4], [0.9, 0.4]])
    assert scores(labels, chances, np.array([[1, 0], [1, 1]])).tolist() == [1, 0]
    point = Task("regression", ("x", "y"))
    assert scores(point, np.array([[1.0, 2.0]]), np.array([[2.0, 5.0]])).tolist() == [2.0]
    size = Task("regression", ("size",))
    assert scores(size, np.array([[1.0], [3.0]]), np.array([2.0, 3.0])).tolist() == [1.0, 0.0]


def test_right_answers_are_compared_by_mcnemar():
    found = judge(ACCURACY, [rights(80)], [rights(86)])
    assert found == (True, False, pytest.approx(2 / 2**6), 1)
    assert judge(ACCURACY, [rights(86)], [rights(80)])[:2] == (False, True)
    assert judge(ACCURACY, [rights(80)], [rights(85)])[:2] == (False, False)


def test_every_seed_must_agree():
    better, worse = (rights(60), rights(80)), (rights(80), rights(60))
    both = judge(ACCURACY, [better[0], worse[0]], [better[1], worse[1]])
    assert both[:2] == (False, False)
    assert both.num_seeds == 2
    unsure = judge(ACCURACY, [rights(60), rights(60)], [rights(80), rights(62)])
    assert unsure == (False, False, 0.5, 2)


def test_of_errors_the_lower_are_better():
    draws = np.random.default_rng(4)
    large, small = draws.uniform(1, 2, 50), draws.uniform(0, 1, 50)
    assert judge(ERROR, [large], [small])[:2] == (True, False)
    assert judge(ERROR, [small], [large])[:2] == (False, True)


def test_the_interval_of_a_share_and_of_an_error():
    share = interval(ACCURACY, rights(81, 263))
    assert share == pytest.approx((81 / 263, 0.2553, 0.3662), abs=5e-5)
    errors = np.array([1.0, 2.0, 6.0])
    assert interval(ERROR, errors) == mean_interval(errors)
    assert interval(ERROR, errors[:1]) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(("metric", "sign"), [(ACCURACY, 1), (ERROR, -1)])
def test_only_an_unbroken_row_next_to_the_best_is_level(metric, sign):
    def spread(mean, half):
        ends = sorted([sign * (mean - half), sign * (mean + half)])
        return Interval(sign * mean, *ends)

    spreads = [spread(9, 1), spread(8, 0.5), spread(7, 1), spread(6, 1.5), spread(5, 9)]
    assert num_level_with_best(metric, spreads) == 2
    assert num_level_with_best(metric, spreads[:1]) == 0
