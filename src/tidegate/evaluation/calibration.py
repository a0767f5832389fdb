"""Calibration: whether answers given with a probability of 0.8 are right 8 times in 10."""

import numpy as np
from numpy.typing import NDArray

from tidegate.task import Task

NUM_BINS = 15
"""Bins of the calibration error, as in Guo et al. 2017, where there are examples enough."""
EXAMPLES_PER_BIN = 10
"""With fewer than ``NUM_BINS`` times as many examples there are fewer bins, and at least one."""


def answer_probabilities(task: Task, predictions: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability that a classifier gives its own answers.

    Args:
        task: A classification.
        predictions: Probabilities, (N, number of classes).

    Returns:
        (N, 1); for multi-label (N, C), where the answer to a label is yes or no.
    """
    if task.kind == "multi-label":
        return np.maximum(predictions, 1 - predictions)
    return np.asarray(predictions.max(1, keepdims=True))


def equal_bins(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Sort examples into bins of equal numbers of examples, by their probabilities.

    Equal probabilities share a bin, so that the order of the examples does not matter; a bin may
    then have more or fewer examples than another, or none.

    Args:
        probabilities: Shape (N,).

    Returns:
        The bin of every example, counted from 0, below ``NUM_BINS``: (N,).
    """
    count = len(probabilities)
    num_bins = min(NUM_BINS, max(1, count // EXAMPLES_PER_BIN))
    num_smaller = np.searchsorted(np.sort(probabilities), probabilities, side="left")
    return np.asarray(num_smaller * num_bins // max(1, count), np.int64)


def calibration_error(probabilities: NDArray[np.float64], is_right: NDArray[np.bool_]) -> float:
    """The expected calibration error, over bins of equal numbers of examples.

    The sum over the bins of |mean probability - share of right answers|, each weighted by its
    share of the examples: 0 is best. It is never quite 0 on finitely many examples: of a perfectly
    calibrated classifier it shrinks with the square root of their number.

    Args:
        probabilities: The probability of each answer, (N,); N is at least 1.
        is_right: Whether the answer is right, (N,).
    Source: Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning",
        with the bins of Nguyen and O'Connor 2015, "Posterior calibration and exploratory analysis
        for natural language processing models".
    """
    gaps = np.bincount(equal_bins(probabilities), weights=probabilities - is_right)
    return float(np.abs(gaps).sum()) / len(probabilities)
