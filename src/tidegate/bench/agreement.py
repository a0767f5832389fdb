"""Checks that a peer computed what the reference did, before its times are believed.

Errors are the largest difference as a share of the reference's largest magnitude, array by array:
a sum of thousands of terms of both signs cannot be right to more than its own scale.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.floating]]

GRADIENT = "grad "
"""Names of gradients begin so; the rest of the name is what they belong to."""
INPUT_GRADIENT = GRADIENT + "input"
"""The name of the gradient of the layer's input, step by step."""

OUTPUT_TOLERANCE = 1e-5
"""float32 against float64. The largest that a right peer was seen to have is 2e-6."""
GRADIENT_TOLERANCE = 5e-5
"""Sums over steps and rows. The largest that a right peer was seen to have is 3e-6."""


def errors(got: Arrays, expected: Arrays) -> dict[str, float]:
    """The error of every array that is expected; infinite where it is missing or not finite."""
    return {name: _error(got.get(name), array) for name, array in expected.items()}


def complaint(errors_by_name: Mapping[str, float]) -> str | None:
    """Why times of this peer are not to be believed, or None.

    Args:
        errors_by_name: From :func:`errors`.
    """
    wrong = {name: error for name, error in errors_by_name.items() if not error <= tolerance(name)}
    if not wrong:
        return None
    return "results differ from the reference: " + ", ".join(
        f"{name} by {error:.1e} (allowed {tolerance(name):.0e})" for name, error in wrong.items()
    )


def tolerance(name: str) -> float:
    """What :func:`errors` may give for an array of this name."""
    return GRADIENT_TOLERANCE if name.startswith(GRADIENT) else OUTPUT_TOLERANCE


def _error(got: NDArray[np.floating] | None, expected: NDArray[np.floating]) -> float:
    if got is None or got.shape != expected.shape or not np.isfinite(got).all():
        return float("inf")
    if not expected.size:
        return 0.0
    scale = float(np.abs(expected).max())
    difference = float(np.abs(np.subtract(got, expected, dtype=np.float64)).max())
    return difference / scale if scale else difference
