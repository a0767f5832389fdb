"""Two classifiers on the same examples: is one better, or was it luck?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr


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
