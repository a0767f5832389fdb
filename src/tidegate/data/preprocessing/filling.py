"""Values for steps that have none: the seasonal naive forecast, and the last one before."""

import numpy as np
from numpy.typing import NDArray


def seasonal_naive(
    past: NDArray[np.float64], horizon: int, season_length: int
) -> NDArray[np.float64]:
    """The seasonal naive forecast: the last known value of the same season, (H, C).

    Args:
        past: Known values, (T, C), without gaps; T is at least 1. Where it is shorter than a
            season, the last value is repeated.
        horizon: H.
        season_length: m.
    """
    if len(past) < season_length:
        return np.repeat(past[-1:], horizon, 0)
    return past[len(past) - season_length + np.arange(horizon) % season_length]


def carried(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Missing values replaced by the last one before; at the beginning by the first one there is.

    Args:
        values: (T, C), NaN where missing; each column has a value.
    """
    is_missing = np.isnan(values)
    if not is_missing.any():
        return values
    places = np.where(is_missing, -1, np.arange(len(values))[:, None])
    last = np.maximum.accumulate(places, axis=0)
    first = (~is_missing).argmax(0)
    return np.take_along_axis(values, np.where(last < 0, first, last), 0)
