"""Two models on the same examples: is one better, or was it luck?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, stdtr


class Paired(NamedTuple):
    """Where two classifiers differ."""

    only_first: int
    """Examples that only the first has right."""
    only_second: int
    p_value: float
    """How often two equal ones would differ by this much or more, between 0 and 1."""


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Paired:
    """The exact test of McNemar, two-sided.

    Args:
        first, second: Whether each has each example right, both (N,).

    Raises:
        ValueError: The shapes differ.
    Source: McNemar 1947, "Note on the sampling error of the difference between correlated
        proportions or percentages", Psychometrika 12, with the binomial distribution itself.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"mcnemar: expected two arrays of one shape, got {first.shape} and {second.shape}"
        )
    only_first = int(np.count_nonzero(first & ~second))
    only_second = int(np.count_nonzero(second & ~first))
    tail = float(bdtr(min(only_first, only_second), only_first + only_second, 0.5))
    return Paired(only_first, only_second, min(1.0, 2 * tail))


def paired_t(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Student's t-test on the differences of two models' errors, two-sided.

    Args:
        first, second: The error of each on each example, both (N,).

    Returns:
        How often two equally good ones would differ by this much or more, between 0 and 1; 1 for a
        single example.

    Raises:
        ValueError: The shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"paired_t: expected two arrays of one shape, got {first.shape} and {second.shape}"
        )
    differences, count = second - first, len(first)
    if count < 2 or not differences.any():
        return 1.0
    error = float(np.std(differences, ddof=1)) / count**0.5
    if error == 0:  # the same difference everywhere
        return 0.0
    return float(2 * stdtr(count - 1, -abs(float(differences.mean())) / error))
