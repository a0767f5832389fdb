"""Measures of a binary classifier, from its logits."""

import numpy as np
from numpy.typing import NDArray


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the positive class."""
    return np.exp(-np.logaddexp(0, -logits))


def accuracy(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The share of examples on the right side of 0."""
    return float(np.mean((logits > 0) == (labels == 1)))


def cross_entropy(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The mean negative logarithm of the probability given to the true class, in nats."""
    return float(np.mean(np.logaddexp(0, np.where(labels == 1, -logits, logits))))
