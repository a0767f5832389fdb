"""How sure a mean over a few seeds is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit


class Interval(NamedTuple):
    """A mean and the bounds it lies between."""

    mean: float
    low: float
    high: float


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The mean of independent runs with its Student's t interval.

    The interval covers the true mean in the given share of cases where the values are drawn from
    a normal distribution.

    Args:
        values: One for each run, at least two.
        confidence: That share, between 0 and 1.

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
