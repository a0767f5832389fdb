"""Medians, their spread, and ratios of medians with an interval: few assumptions, few samples."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.seeding import derive_seed

Samples = NDArray[np.float64]

NORMAL_95 = 1.96
"""Standard deviations that hold 95 % of a normal distribution."""
NUM_RESAMPLES = 2000


@dataclass(frozen=True)
class Spread:
    """A sample in five figures, all in the sample's unit."""

    median: float
    mad: float
    """Median absolute deviation from the median."""
    q1: float
    q3: float
    minimum: float

    @classmethod
    def of(cls, samples: Samples) -> "Spread":
        """Summarise at least one sample."""
        q1, median, q3 = np.quantile(samples, [0.25, 0.5, 0.75])
        return cls(
            median=float(median),
            mad=float(np.median(np.abs(samples - median))),
            q1=float(q1),
            q3=float(q3),
            minimum=float(samples.min()),
        )


def denormal_share(values: NDArray[np.floating]) -> float:
    """The share of numbers that are below the smallest normal one of their dtype and not 0."""
    sizes = np.abs(values)
    return float(((sizes > 0) & (sizes < np.finfo(values.dtype).tiny)).mean())


def relative_error(samples: Samples) -> float:
    """The standard error of the median as a share of it; infinite for fewer than two samples.

    From the two order statistics that hold the median with 95 % whatever the distribution. The MAD
    would do for one hump; times that jump between two values have a MAD of 0.
    """
    num = len(samples)
    if num < 2:
        return math.inf
    rank = max(0, math.floor(num / 2 - NORMAL_95 * math.sqrt(num) / 2))
    ordered = np.sort(samples)
    width = float(ordered[num - 1 - rank] - ordered[rank])
    return width / 2 / NORMAL_95 / float(np.median(samples))


@dataclass(frozen=True)
class Ratio:
    """A ratio of two medians and its 95 % interval."""

    value: float
    low: float
    high: float


def paired_ratio(numerator: Samples, denominator: Samples, seed: int = 0) -> Ratio:
    """The ratio of the medians of two peers that were timed in the same rounds.

    The interval is the percentile bootstrap over *rounds*: a round that was slow for both, because
    the machine was, stays one round in every resample and does not widen the interval.

    Args:
        numerator: One time a round, shape (number of rounds,).
        denominator: Of the same rounds, in the same order.
        seed: Equal seeds give equal intervals.

    Raises:
        ValueError: The two have not the same number of rounds, or none.
    """
    if numerator.shape != denominator.shape or not len(numerator):
        raise ValueError(
            "paired_ratio: expected two samples of the same rounds, at least one, got "
            f"{len(numerator)} and {len(denominator)}"
        )
    bits = np.random.PCG64(derive_seed(seed, "bootstrap of rounds"))
    rounds = np.random.Generator(bits).integers(
        len(numerator), size=(NUM_RESAMPLES, len(numerator))
    )
    resampled = np.median(numerator[rounds], axis=1) / np.median(denominator[rounds], axis=1)
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Ratio(float(np.median(numerator) / np.median(denominator)), float(low), float(high))


def unpaired_ratio(numerator: Samples, denominator: Samples, seed: int = 0) -> Ratio:
    """The ratio of the medians of two separate runs, each resampled by itself.

    Args:
        numerator: Samples of one run; their number is free.
        denominator: Samples of the other.
        seed: Equal seeds give equal intervals.
    """
    draws = np.random.Generator(np.random.PCG64(derive_seed(seed, "bootstrap of runs")))
    above, below = (
        np.median(samples[draws.integers(len(samples), size=(NUM_RESAMPLES, len(samples)))], axis=1)
        for samples in (numerator, denominator)
    )
    low, high = np.quantile(above / below, [0.025, 0.975])
    return Ratio(float(np.median(numerator) / np.median(denominator)), float(low), float(high))
