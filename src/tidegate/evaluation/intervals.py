"""Confidence intervals of a mean: over a few seeds, or over the examples of a test."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

# The 97.5 % point of the standard normal distribution, for two-sided 95 % intervals.
_Z_95 = 1.959963984540054


class Interval(NamedTuple):
    """A mean and the bounds it lies between."""

    mean: float
    low: float
    high: float


def mean_interval(
    values: Sequence[float] | NDArray[np.float64], confidence: float = 0.95
) -> Interval:
    """The mean of independent values, as of runs, with its Student's t interval.

    The interval covers the true mean in the given share of cases where the values are drawn from
    a normal distribution.

    Args:
        values: At least two.
        confidence: The share of cases in which the interval covers the true mean, between 0 and 1.

    Raises:
        ValueError: An argument is out of its range.
    """
    if len(values) < 2:
        raise ValueError(f"mean_interval: expected at least 2 values, got {len(values)}")
    if not 0 < confidence < 1:
        raise ValueError(f"mean_interval: expected 0 < confidence < 1, got {confidence}")
    mean = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    half_width = float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * error
    return Interval(mean, mean - half_width, mean + half_width)


def wilson_interval(share: float, num_examples: int) -> tuple[float, float]:
    """The 95 % score interval of a share counted over ``num_examples`` independent examples.

    Args:
        share: Between 0 and 1.
        num_examples: With 0, nothing is known and the interval is (0, 1).
    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference",
        Journal of the American Statistical Association 22, without continuity correction.
    """
    if num_examples == 0:
        return 0.0, 1.0
    weight = _Z_95**2 / num_examples
    centre = (share + weight / 2) / (1 + weight)
    half = sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    return max(0.0, centre - half), min(1.0, centre + half)
