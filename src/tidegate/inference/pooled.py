"""The linear model on series: regression on pooled statistics, for inference.

A series of any length becomes seven numbers for every channel: mean, standard deviation, first,
middle and last value, minimum and maximum. They are standardised by their means and scales over the
training part; a logit, or a number to be predicted, is their weighted sum plus an intercept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged
from tidegate.errors import FormatError

STATISTICS = ("mean", "deviation", "first", "middle", "last", "minimum", "maximum")
"""The statistics of a channel, in the order of the features."""

_AT_ONCE = 1 << 18
"""Steps whose statistics are computed at once, so that little of a memory map is in memory."""


def pooled_statistics(values: Ragged) -> NDArray[np.float64]:
    """Statistics of every channel over the steps of each series.

    The middle of T steps is step T // 2, counted from 0; the deviation is the root of the mean
    square of the differences from the mean. A series without steps has zeros. A series' statistics
    have the same bits whatever other series there are.

    Args:
        values: I finite numbers at every step, as
            :class:`~tidegate.data.preprocessing.series.SeriesPreprocessor` makes them.

    Returns:
        (number of series, F), where F is 7 I: first all means, then all deviations, and so on in
        the order of :data:`STATISTICS`.
    """
    width = values.values.shape[1]
    statistics = np.zeros((len(values), len(STATISTICS), width))
    filled = np.flatnonzero(values.lengths())
    for rows in _groups(values.lengths()[filled]):
        part = values.take(filled[rows])
        starts, lengths = part.offsets[:-1], part.lengths()
        # In float64 and without gaps, so that each series is summed by itself: NumPy converts other
        # numbers in blocks, whose borders depend on the series before.
        steps = np.ascontiguousarray(part.values, np.float64)
        mean = np.add.reduceat(steps, starts) / lengths[:, None]
        squares = np.square(steps - np.repeat(mean, lengths, axis=0))
        deviation = np.sqrt(np.add.reduceat(squares, starts) / lengths[:, None])
        chosen = (steps[starts], steps[starts + lengths // 2], steps[part.offsets[1:] - 1])
        extremes = np.minimum.reduceat(steps, starts), np.maximum.reduceat(steps, starts)
        statistics[filled[rows]] = np.stack([mean, deviation, *chosen, *extremes], axis=1)
    return statistics.reshape(len(values), len(STATISTICS) * width)


def _groups(lengths: NDArray[np.int64]) -> Iterator[slice]:
    """Consecutive rows of about 260,000 steps together, and at least one row."""
    ends, start = np.cumsum(lengths), 0
    while start < len(lengths):
        before = int(ends[start - 1]) if start else 0
        end = max(int(np.searchsorted(ends, before + _AT_ONCE, side="right")), start + 1)
        yield slice(start, end)
        start = end


@dataclass(frozen=True)
class PooledModel:
    """A trained logistic or ridge regression on the pooled statistics of series."""

    means: NDArray[np.float64]
    """The mean of each feature over the training part, (F,)."""
    scales: NDArray[np.float64]
    """The number that each feature is divided by after its mean is subtracted, (F,), above 0."""
    coefficients: NDArray[np.float64]
    """The weights of the standardised features, (K, F), where K is the number of logits or of
    numbers to be predicted."""
    intercepts: NDArray[np.float64]
    """Shape (K,)."""

    @property
    def num_parameters(self) -> int:
        """The number of trained parameters."""
        return int(self.coefficients.size + self.intercepts.size)

    @property
    def input_size(self) -> int:
        """I, the numbers at every step of the series that it reads."""
        return len(self.means) // len(STATISTICS)

    def decision_function(self, values: Ragged) -> NDArray[np.float64]:
        """The logits of series, or the numbers predicted for them.

        Args:
            values: I numbers at every step.

        Returns:
            (N, K): for two classes one logit, above 0 where class 1 is likelier. A series' logits
            do not depend on the others.

        Raises:
            ValueError: The series have another number of channels.
        """
        shape = values.values.shape
        if len(shape) != 2 or shape[1] != self.input_size:
            raise ValueError(
                f"PooledModel: expected values of shape (P, I) = (P, {self.input_size}), "
                f"got {shape}"
            )
        features = (pooled_statistics(values) - self.means) / self.scales
        outputs = np.empty((len(values), len(self.intercepts)))
        for k, intercept in enumerate(self.intercepts):
            # Row by row: the bits of a product of matrices depend on the number of its rows.
            outputs[:, k] = (features * self.coefficients[k]).sum(axis=1) + intercept
        return outputs

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by name, float64, for a model folder."""
        return {
            "means": self.means,
            "scales": self.scales,
            "coefficients": self.coefficients,
            "intercepts": self.intercepts,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The model of :meth:`to_arrays`, with the same bits.

        Raises:
            FormatError: The arrays are not those of such a model.
        """
        parts = ["means", "scales", "coefficients", "intercepts"]
        if {*arrays} != {*parts}:
            raise FormatError(
                "PooledModel: expected arrays means, scales, coefficients and intercepts, got "
                f"{sorted(arrays)}"
            )
        for name in parts:
            if arrays[name].dtype != np.float64:
                raise FormatError(
                    f"PooledModel: expected {name} of dtype float64, got {arrays[name].dtype}"
                )
            if not np.isfinite(arrays[name]).all():
                raise FormatError(f"PooledModel: expected finite {name}, got others")
        means, scales, coefficients, intercepts = (arrays[name] for name in parts)
        expected = (len(intercepts) if intercepts.ndim else 0, means.size)
        is_right = means.ndim == intercepts.ndim == 1 and scales.shape == means.shape
        if not is_right or coefficients.shape != expected or 0 in expected:
            raise FormatError(
                "PooledModel: expected means and scales of shape (F,), coefficients (K, F) and "
                f"intercepts (K,), got {means.shape}, {scales.shape}, {coefficients.shape} and "
                f"{intercepts.shape}"
            )
        if len(means) % len(STATISTICS):
            raise FormatError(
                f"PooledModel: expected {len(STATISTICS)} features a channel, got {len(means)}"
            )
        if not (scales > 0).all():
            raise FormatError("PooledModel: expected scales above 0, got others")
        return cls(means, scales, coefficients, intercepts)
