"""Intervals of all metrics by the bootstrap: how far other test examples might move them."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation.weighted_metrics import Values, weighted_metrics
from tidegate.seeding import derive_seed
from tidegate.task import Task

NUM_RESAMPLES = 1_000
MOST_AT_ONCE = 400_000
"""Weights that are held at once; more of them would not stay in the processor's cache."""
MOST_UNDEFINED = 0.05
"""A metric that a larger share of the resamples leaves undefined has no interval."""
_TAILS = [0.025, 0.975]

Bounds = tuple[float, float]
Name = TypeVar("Name", bound=str)


def resample(
    task: Task,
    predictions: Mapping[Name, NDArray[np.float64]],
    targets: NDArray[Any],
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> dict[Name, Values]:
    """The metrics of models on samples of the examples, drawn with replacement.

    Each sample is as large as the whole, and the same for all models.

    Args:
        task: What was asked.
        predictions: By a model's name, its predictions, in the form of
            :func:`~tidegate.evaluation.metrics.measure_predictions`.
        targets: As :class:`~tidegate.task.Task` describes; at least one.
        num_resamples: How many samples are drawn.
        seed: Other samples are drawn from another seed.

    Returns:
        By model and metric: its value in every sample, (num_resamples,); NaN where it is undefined.
    """
    models = {name: weighted_metrics(task, one, targets) for name, one in predictions.items()}
    blocks: dict[Name, list[Values]] = {name: [] for name in models}
    for weights in _weights(len(targets), num_resamples, seed):
        for name, model in models.items():
            blocks[name].append(model(weights))
    return {
        name: {metric: np.concatenate([one[metric] for one in parts]) for metric in parts[0]}
        for name, parts in blocks.items()
    }


def intervals(metrics: Mapping[str, float], resampled: Values) -> dict[str, Bounds | None]:
    """The 95 % interval of every metric.

    Args:
        metrics: On the examples themselves, by name.
        resampled: On samples of them, as of :func:`resample`.

    Returns:
        By the names of ``metrics``, as of :func:`interval`.
    """
    return {name: interval(name, value, resampled[name]) for name, value in metrics.items()}


def interval(name: str, value: float, resampled: NDArray[np.float64]) -> Bounds | None:
    """The 95 % interval of one metric, by percentiles of its values in the samples.

    The calibration error is the one metric that chance alone makes larger, in a sample of the
    examples once more than in the examples themselves: percentiles would lie above the value they
    are of. They are reflected at it (the "basic" bootstrap), which takes this off.

    Args:
        name: The metric's name.
        value: On the examples themselves.
        resampled: In the samples, (num_resamples,).

    Returns:
        The bounds; None where the samples say nothing: of one example alone, where all have the
        same value, as of a model that is always right, or where more than 1 in 20 leaves the metric
        undefined, as where a class has a few examples only.
    Source: Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 13; Davison and
        Hinkley 1997, "Bootstrap methods and their application", section 5.2, for the basic one.
    """
    defined = resampled[~np.isnan(resampled)]
    if len(defined) < (1 - MOST_UNDEFINED) * len(resampled):
        return None
    low, high = np.quantile(defined, _TAILS).tolist()
    if defined.min() == defined.max():
        return None
    if name == "calibration_error":
        return max(0.0, min(value, 2 * value - high)), min(1.0, max(value, 2 * value - low))
    return low, high


def _weights(count: int, num_resamples: int, seed: int) -> Iterator[NDArray[np.int32]]:
    """How often each example is in each sample, (N, B), as many samples at once as fit."""
    draws = np.random.Generator(np.random.PCG64(derive_seed(seed, "bootstrap")))
    at_once = min(100, max(1, MOST_AT_ONCE // count))
    for start in range(0, num_resamples, at_once):
        drawn = draws.integers(0, count, (min(at_once, num_resamples - start), count))
        copies = [np.bincount(one, minlength=count) for one in drawn]
        yield np.ascontiguousarray(np.stack(copies, axis=1), np.int32)
