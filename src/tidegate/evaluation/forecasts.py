"""The metrics of forecasts by quantiles: over all steps, and for each step ahead."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ForecastErrors:
    """What each value of a forecast is off by, NaN where the value or its target is missing.

    N windows, H steps ahead, C channels, Q quantiles.
    """

    absolute: Array
    """Absolute errors of the medians, in the data's units, (N, H, C)."""
    symmetric: Array
    """Absolute errors over the mean of the absolute values of target and median, between 0 and 2,
    (N, H, C); 0 where both are 0."""
    scaled: Array
    """Absolute errors over the scale of their series, (N, H, C); NaN too where it has none."""
    quantile: Array
    """Mean quantile losses over the Q quantiles, in the data's units, (N, H, C)."""
    is_covered: Array
    """1 where the target lies between the outer quantiles, else 0, (N, H, C)."""

    def metrics(self) -> dict[str, float]:
        """Their means over all values that are there.

        Returns:
            ``mean_absolute_error``, ``root_mean_squared_error``, ``smape`` (a share: 0.1 is 10 %),
            ``mase`` where a series has a scale, ``quantile_loss``, and ``coverage``.

        Raises:
            ValueError: No target is there.
        """
        if np.isnan(self.absolute).all():
            raise ValueError("ForecastErrors: expected a target that is there, got none")
        values = {
            "mean_absolute_error": float(np.nanmean(self.absolute)),
            "root_mean_squared_error": float(np.nanmean(self.absolute**2) ** 0.5),
            "smape": float(np.nanmean(self.symmetric)),
            "quantile_loss": float(np.nanmean(self.quantile)),
            "coverage": float(np.nanmean(self.is_covered)),
        }
        if not np.isnan(self.scaled).all():
            values["mase"] = float(np.nanmean(self.scaled))
        return values

    def by_step(self) -> list[dict[str, float]]:
        """The same for each step ahead, H dictionaries; an empty one where no target is there."""
        steps = []
        for step in range(self.absolute.shape[1]):
            at = slice(step, step + 1)
            one = ForecastErrors(
                self.absolute[:, at],
                self.symmetric[:, at],
                self.scaled[:, at],
                self.quantile[:, at],
                self.is_covered[:, at],
            )
            steps.append({} if np.isnan(one.absolute).all() else one.metrics())
        return steps


def forecast_errors(
    predictions: Array,
    targets: Array,
    quantiles: tuple[float, ...],
    scales: Array,
) -> ForecastErrors:
    """Compare forecasts with what came.

    Sources: R. Hyndman and A. Koehler, "Another look at measures of forecast accuracy",
    International Journal of Forecasting 22, 2006, for the scaled error (MASE); S. Makridakis et
    al., "The M4 Competition", International Journal of Forecasting 36, 2020, for the symmetric one
    (sMAPE); R. Koenker and G. Bassett, "Regression quantiles", Econometrica 46, 1978.

    Args:
        predictions: (N, H * C * Q), ascending over the Q quantiles.
        targets: (N, H * C), NaN where missing.
        quantiles: Those of the predictions, ascending, with 0.5.
        scales: For each window and channel the mean absolute error of the seasonal naive forecast
            before the test, (N, C); NaN where it is 0 or unknown.

    Raises:
        ValueError: The shapes do not fit.
    """
    levels = np.array(quantiles)
    count, width = scales.shape
    horizon = targets.shape[1] // width
    expected = (count, horizon * width * len(levels))
    if targets.shape != (count, horizon * width) or predictions.shape != expected:
        raise ValueError(
            "forecast_errors: expected predictions (N, H * C * Q), targets (N, H * C) and scales "
            f"(N, C) with Q = {len(levels)}, got {predictions.shape}, {targets.shape} and "
            f"{scales.shape}"
        )
    given = predictions.reshape(count, horizon, width, len(levels))
    right = targets.reshape(count, horizon, width)
    median = given[..., quantiles.index(0.5)]
    absolute = np.abs(right - median)
    size = np.abs(right) + np.abs(median)
    errors = right[..., None] - given
    losses = np.maximum(levels * errors, (levels - 1) * errors).mean(-1)
    is_inside = (given[..., 0] <= right) & (right <= given[..., -1])
    return ForecastErrors(
        absolute,
        2 * absolute / np.where(size == 0, 1.0, size),
        absolute / scales[:, None],
        losses,
        np.where(np.isnan(absolute), np.nan, is_inside),
    )


def nominal_coverage(quantiles: tuple[float, ...]) -> float:
    """The share of targets that right outer quantiles have between them."""
    return quantiles[-1] - quantiles[0]
