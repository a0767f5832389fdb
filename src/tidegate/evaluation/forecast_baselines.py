"""Forecasts without training, to set beside a network's: seasonal naive, exponential smoothing.

Both give quantiles of normal distributions around their points, whose deviation comes from their
errors one step ahead.

Source: R. Hyndman and G. Athanasopoulos, "Forecasting: Principles and Practice", third edition,
2021, sections 5.5 and 8.7.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import MissingPackageError

Array = NDArray[np.float64]

MOST_SEASONS, MOST_STEPS = 20, 1_000
"""What exponential smoothing is fitted to at each origin: so many last seasons, at least so many
steps. Weights fall geometrically, so that steps before hardly change its points."""
LEAST_STEPS = 3
"""Steps that exponential smoothing is fitted to; of fewer, the last value is repeated."""


@dataclass(frozen=True)
class Fitted:
    """A forecast by exponential smoothing."""

    quantiles: Array
    """(H, Q)."""
    method: str
    """"ETS(A,N,A)" with a season, "ETS(A,N,N)" without (simple exponential smoothing), or "naive"
    where there are too few steps, or all values are equal."""
    has_converged: bool
    """Whether the search for its parameters ended by itself."""


def seasonal_naive(
    past: Array, horizon: int, season_length: int, quantiles: tuple[float, ...]
) -> Array:
    """Forecast the last known value of the same season.

    The deviation of the errors grows with the root of the number of seasons ahead, as that of a
    random walk does.

    Args:
        past: The known values of a channel, (T,), without gaps; T is at least 1. Where it has
            fewer steps than a season, the last value is repeated.
        horizon: H.
        season_length: m; 1 where values do not repeat.
        quantiles: Q of them.

    Returns:
        (H, Q).
    """
    lag = season_length if len(past) >= season_length else 1
    ahead = np.arange(horizon)
    points = past[len(past) - lag + ahead % lag]
    changes = past[lag:] - past[:-lag]
    variance = float(np.mean(changes**2)) if len(changes) else 0.0
    growth = (ahead // lag + 1).astype(np.float64)
    return _normal(points, variance * growth, quantiles)


def exponential_smoothing(
    past: Array, horizon: int, season_length: int, quantiles: tuple[float, ...]
) -> Fitted:
    """Forecast by exponential smoothing with additive errors and seasons, fitted by statsmodels.

    Fitted to the last 20 seasons or 1,000 steps, whichever is more, for it is fitted anew at each
    origin. Without a season, or where there are fewer than two of them or about 10 + m steps, it is
    simple exponential smoothing, whose first level is fitted too.

    Args:
        past: The known values of a channel, (T,), without gaps; T is at least 1.
        horizon: H.
        season_length: m; 1 where values do not repeat.
        quantiles: Q of them.

    Raises:
        MissingPackageError: statsmodels is not installed.
    """
    past = past[-max(MOST_SEASONS * season_length, MOST_STEPS) :]
    if len(past) < LEAST_STEPS or np.ptp(past) <= 1e-12 * np.abs(past).max():
        return Fitted(seasonal_naive(past, horizon, 1, quantiles), "naive", True)
    # In its own units: the search for the parameters is not the same in all.
    centre, unit = float(past.mean()), float(past.std())
    scaled = (past - centre) / unit
    # What statsmodels' heuristic of the first states needs: two seasons, and ten smoothed steps.
    needed = max(2 * season_length, 10 + 2 * (season_length // 2))
    has_season = season_length > 1 and len(past) >= needed
    try:
        points, variances, has_converged = (
            _seasonal(scaled, horizon, season_length) if has_season else _simple(scaled, horizon)
        )
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "exponential smoothing: expected statsmodels to be installed, and it is not; "
            "pip install 'tidegate[forecast]'"
        ) from error
    method = "ETS(A,N,A)" if has_season else "ETS(A,N,N)"
    made = _normal(centre + unit * points, unit**2 * variances, quantiles)
    return Fitted(made, method, has_converged)


def _seasonal(past: Array, horizon: int, season_length: int) -> tuple[Array, Array, bool]:
    # Here, for statsmodels takes a second that other commands need not wait.
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    model = ETSModel(
        past,
        error="add",
        seasonal="add",
        seasonal_periods=season_length,
        initialization_method="heuristic",
    )
    fitted, has_converged = _fit(model, disp=False)
    alpha, gamma = fitted.params[:2]
    steps = np.arange(1, horizon)
    weights = alpha + gamma * (steps % season_length == 0)
    return np.asarray(fitted.forecast(horizon)), _variances(fitted.resid, weights), has_converged


def _simple(past: Array, horizon: int) -> tuple[Array, Array, bool]:
    from statsmodels.tsa.api import SimpleExpSmoothing

    fitted, has_converged = _fit(SimpleExpSmoothing(past, initialization_method="estimated"))
    weights = np.full(horizon - 1, fitted.params["smoothing_level"])
    return np.asarray(fitted.forecast(horizon)), _variances(fitted.resid, weights), has_converged


def _fit(model: Any, **options: Any) -> tuple[Any, bool]:
    """The fitted model, and whether the search for its parameters ended by itself."""
    import warnings

    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the result says so
        fitted = model.fit(**options)
    return fitted, _has_converged(fitted.mle_retvals)


def _has_converged(search: Any) -> bool:
    """Whether a search of SciPy (``success``) or statsmodels (``converged``) ended by itself."""
    return bool(search["converged"] if "converged" in search else search["success"])


def _variances(residuals: Array, weights: Array) -> Array:
    """Of the errors at each step ahead, (H,), from those one step ahead and the states' weights."""
    first = float(np.mean(np.square(residuals)))
    return first * np.concatenate([[1.0], 1 + np.cumsum(weights**2)])


def _normal(points: Array, variances: Array, quantiles: tuple[float, ...]) -> Array:
    """Quantiles of normal distributions, (H, Q)."""
    from scipy.special import ndtri

    return np.asarray(points[:, None] + np.sqrt(variances)[:, None] * ndtri(np.array(quantiles)))
