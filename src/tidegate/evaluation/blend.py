"""Several classifiers averaged: each one's temperature, and its weight.

The blend's logits are sum_m w_m (logits_m / t_m) / t, with weights w that are not negative and add
up to 1. The temperatures t_m calibrate each classifier by itself (Guo et al. 2017,
"On calibration of modern neural networks"); t does so for the average, for where classifiers err
apart, their average is too timid. All are chosen to minimise the cross-entropy on validation data,
which is convex in w / t, so there is exactly one best blend.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import FormatError

MAX_SCALE = 100.0
"""Logits of mean size 1 are multiplied by this at most, and by 1 / MAX_SCALE at least: where a
classifier makes no mistake on the validation data, no factor is the best."""

Logits = NDArray[np.float64]


@dataclass(frozen=True)
class Blend:
    """A weighted average of classifiers' logits."""

    temperatures: dict[str, float]
    """By a classifier's name, the number that its logits are divided by to calibrate them."""
    weights: dict[str, float]
    """By a classifier's name, the weight of its calibrated logits; they add up to 1."""
    temperature: float
    """The number that the weighted average is divided by."""

    def combine(self, logits: Mapping[str, Logits]) -> Logits:
        """The blend's logits.

        Args:
            logits: By a classifier's name, its logits on the same examples, shape (N,) or (N, 1)
                for two classes, or (N, classes).

        Returns:
            An array of the same shape.

        Raises:
            ValueError: The names are not those of the blend, or the shapes differ.
        """
        if {*logits} != {*self.weights}:
            raise ValueError(
                f"Blend: expected logits of {sorted(self.weights)}, got {sorted(logits)}"
            )
        _check(logits)
        parts = (
            self.weights[name] / self.temperatures[name] * np.asarray(logits[name], np.float64)
            for name in self.weights
        )
        total: Logits = np.sum([*parts], axis=0) / self.temperature
        return total

    def to_json(self) -> dict[str, Any]:
        """For a JSON file; the floats come back bit by bit."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The blend of :meth:`to_json`.

        Raises:
            FormatError: The content is not that of a blend.
        """
        try:
            blend = cls(
                {str(name): float(value) for name, value in content["temperatures"].items()},
                {str(name): float(value) for name, value in content["weights"].items()},
                float(content["temperature"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise FormatError(f"Blend: expected the numbers of a blend, got {error!r}") from error
        if {*blend.temperatures} != {*blend.weights}:
            raise FormatError(
                "Blend: expected a temperature and a weight for each name, got "
                f"{sorted(blend.temperatures)} and {sorted(blend.weights)}"
            )
        return blend


def fit_blend(logits: Mapping[str, Logits], labels: NDArray[np.int64]) -> Blend:
    """Choose temperatures and weights on validation data.

    A classifier no better than chance has no weight; where none is better, all weigh the same, and
    the blend is as unsure as ``MAX_SCALE`` allows.

    Args:
        logits: By a classifier's name, its logits on the same examples: (N,) or (N, 1) for two
            classes, or (N, classes).
        labels: The true classes, counted from 0, shape (N,).

    Raises:
        ValueError: Shapes differ, a logit is not finite, or a label is out of its range.
    """
    shape = _check(logits)
    num_classes = max(shape[1], 2) if len(shape) == 2 else 2
    if labels.shape != shape[:1] or not ((labels >= 0) & (labels < num_classes)).all():
        raise ValueError(
            f"fit_blend: expected labels of shape (N,) = ({shape[0]},) from 0 to "
            f"{num_classes - 1}, got shape {labels.shape} and {np.unique(labels)[:20].tolist()}"
        )
    scores = np.stack([_scores(np.asarray(one, np.float64)) for one in logits.values()])
    sizes = np.abs(scores).mean(axis=(1, 2))
    sizes[sizes == 0] = 1
    scores /= sizes[:, None, None]
    alone = np.concatenate([_scales(one[None], labels, 1 / MAX_SCALE) for one in scores])
    is_useful = alone > 1 / MAX_SCALE
    together = np.zeros(len(scores))
    if is_useful.any():
        together[is_useful] = _scales((scores * alone[:, None, None])[is_useful], labels, 0.0)
    else:
        together[:] = 1 / len(scores)
    total = float(together.sum())
    return Blend(
        dict(zip(logits, (sizes / alone).tolist(), strict=True)),
        dict(zip(logits, (together / total).tolist(), strict=True)),
        1 / total,
    )


def _check(logits: Mapping[str, Logits]) -> tuple[int, ...]:
    """The shape that all of them have."""
    shapes = {name: np.shape(one) for name, one in logits.items()}
    distinct = {*shapes.values()}
    if len(distinct) != 1 or len(shape := distinct.pop()) not in (1, 2) or 0 in shape:
        raise ValueError(f"Blend: expected logits of one shape, (N,) or (N, classes), got {shapes}")
    for name, one in logits.items():
        if not np.isfinite(one).all():
            raise ValueError(f"Blend: expected finite logits, got {name!r} with others")
    return shape


def _scores(logits: Logits) -> Logits:
    """One logit of two classes as two: shape (N, classes) in every case."""
    if logits.ndim == 2 and logits.shape[1] > 1:
        return logits
    return np.stack([np.zeros(len(logits)), logits.reshape(-1)], axis=1)


def _scales(scores: Logits, labels: NDArray[np.int64], least: float) -> NDArray[np.float64]:
    """The factors by which scores add up to the smallest cross-entropy.

    Args:
        scores: Shape (M, N, classes).
        labels: Shape (N,).
        least: Lower bound of the factors.

    Returns:
        Shape (M,), each from ``least`` to ``MAX_SCALE``.
    """
    # Here, for a model that answers does without SciPy.
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    rows = np.arange(len(labels))
    right_scores = scores[:, rows, labels].mean(axis=1)

    def cross_entropy(scales: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logs = log_softmax(np.tensordot(scales, scores, 1), axis=1)
        expected = np.einsum("nc,mnc->m", np.exp(logs), scores) / len(labels)
        return float(-logs[rows, labels].mean()), expected - right_scores

    optimum = minimize(
        cross_entropy,
        np.full(len(scores), 1 / len(scores)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(least, MAX_SCALE)] * len(scores),
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000},
    )
    return np.asarray(optimum.x, np.float64)
