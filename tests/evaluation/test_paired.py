"""The paired test of two classifiers."""

from math import comb

import numpy as np
import pytest

from tidegate.evaluation.paired import mcnemar, paired_t


def rights(both, only_first, only_second, neither):
    """Two classifiers that are right as often as said."""
    counts = (both, only_first, only_second, neither)
    first, second = (
        np.repeat(np.array(kinds, bool), counts) for kinds in ((1, 1, 0, 0), (1, 0, 1, 0))
    )
    return first, second


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    [
        # 2 (1 + 6 + 15) / 2^6, and so on: by hand.
        (6, 0, 2 / 64),
        (2, 4, 2 * (1 + 6 + 15) / 64),
        (9, 1, 2 * (1 + 10) / 1024),
        (3, 3, 1.0),
        (0, 0, 1.0),
    ],
)
def test_it_counts_the_orders_of_a_coin(only_first, only_second, p_value):
    found = mcnemar(*rights(5, only_first, only_second, 7))
    assert found[:2] == (only_first, only_second)
    assert found.p_value == pytest.approx(p_value, rel=1e-12)


def test_it_is_the_published_one():
    """Agresti, Categorical Data Analysis, 2002, section 10.1: ratings of a prime minister."""
    found = mcnemar(*rights(794, 150, 86, 570))
    exact = 2 * sum(comb(236, k) for k in range(87)) / 2**236
    assert found.p_value == pytest.approx(exact, rel=1e-9)
    assert found.p_value == pytest.approx(3.7e-5, rel=0.05)


def test_which_comes_first_does_not_matter():
    first, second = rights(3, 8, 2, 1)
    assert mcnemar(first, second).p_value == mcnemar(second, first).p_value


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"got \(2,\) and \(3,\)"):
        mcnemar(np.ones(2, bool), np.ones(3, bool))


def test_errors_are_compared_by_students_paired_test():
    """Differences 1, 2, 3: mean 2, standard error 1 / sqrt(3), so t = 2 sqrt(3) with 2 degrees."""
    first, second = np.array([1.0, 1.0, 1.0]), np.array([2.0, 3.0, 4.0])
    t = 2 * 3**0.5
    # The distribution with two degrees of freedom has a closed form.
    expected = 1 - t / (2 + t * t) ** 0.5
    assert paired_t(first, second) == pytest.approx(expected, rel=1e-12)
    assert paired_t(second, first) == pytest.approx(expected, rel=1e-12)


def test_errors_that_are_equal_or_of_one_example_say_nothing():
    assert paired_t(np.ones(5), np.ones(5)) == 1
    assert paired_t(np.ones(1), np.zeros(1)) == 1
    assert paired_t(np.ones(5), np.zeros(5)) == 0
    with pytest.raises(ValueError, match=r"paired_t: expected two arrays of one shape, got \(2,\)"):
        paired_t(np.ones(2), np.ones(3))
