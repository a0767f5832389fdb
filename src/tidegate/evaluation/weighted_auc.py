"""The area under the ROC curve with weights of the examples, for many sets of weights at once."""

import numpy as np
from numpy.typing import NDArray


class WeightedAUC:
    """The area under the ROC curve of scores, for weights that come later.

    The scores are sorted once. For each set of weights, the weights of all examples are then summed
    up in this order: a sum reaches a positive example with the weight of what lies below it, and
    half of what has the same score. Positives among themselves add half the square of their weight,
    which is taken off.

    Args:
        scores: Shape (N,).
        is_positive: Which examples have the class, (N,).
    """

    def __init__(self, scores: NDArray[np.float64], is_positive: NDArray[np.bool_]) -> None:
        self._order = np.argsort(scores, kind="stable").astype(np.int32)
        ordered = scores[self._order]
        self._positives = np.flatnonzero(is_positive)
        own = scores[self._positives]
        self._num_below = np.searchsorted(ordered, own, side="left")
        self._num_up_to = np.searchsorted(ordered, own, side="right")

    def __call__(self, weights: NDArray[np.int32]) -> NDArray[np.float64]:
        """The area for each set of weights.

        Args:
            weights: Numbers of copies of every example, (N, B).

        Returns:
            Shape (B,); NaN where all weight is on one side.
        """
        sums = np.zeros((len(weights) + 1, weights.shape[1]), np.int32)
        np.cumsum(weights[self._order], axis=0, out=sums[1:])
        own = weights[self._positives].astype(np.float64)
        # Twice the weight below, for half of what is equal counts.
        below = sums[self._num_below].astype(np.float64) + sums[self._num_up_to]
        positive = own.sum(0)
        negative = sums[-1] - positive
        pairs = (np.einsum("nb,nb->b", own, below) - positive**2) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(pairs / (positive * negative))
