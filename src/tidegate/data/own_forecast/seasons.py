"""The season of series: after how many steps values repeat."""

import numpy as np
from numpy.typing import NDArray

from tidegate.data.prepared_forecast import ForecastDataset, cut
from tidegate.data.preprocessing.filling import carried
from tidegate.data.preprocessing.forecast import LEAST_CONTEXT

LEAST_CORRELATION = 0.3
"""Autocorrelation of the changes from step to step at a season's distance."""
MOST_STEPS, MOST_SERIES, LONGEST = 20_000, 50, 1_000
"""What is looked at: so many last steps, of so many series; and the longest season."""


def find_season(dataset: ForecastDataset) -> int:
    """The steps after which values repeat, by the autocorrelation of their changes.

    Only the steps that train are read, none that validate or are tested. Changes are looked at, for
    a trend would correlate at every distance.

    Returns:
        The distance of the highest peak, or 1 where none is above 0.3 and above what chance makes
        of short series.
    """
    totals = np.zeros(LONGEST + 1)
    counts, num_changes = np.zeros(LONGEST + 1), np.zeros(LONGEST + 1)
    lengths = dataset.lengths()
    cuts = cut(lengths, dataset.horizon, dataset.num_origins)
    ends = np.where(cuts.train > LEAST_CONTEXT, cuts.train, np.maximum(cuts.validation, 0))
    for row in np.argsort(-lengths, kind="stable")[:MOST_SERIES].tolist():
        end = int(ends[row])
        values = dataset.series.values[row][max(end - MOST_STEPS, 0) : end]
        for channel in range(len(dataset.channels)):
            column = values[:, channel : channel + 1].astype(np.float64)
            if len(column) < 8 or np.isnan(column).all():
                continue
            correlations = _autocorrelation(np.diff(carried(column)[:, 0]))
            longest = min(len(correlations) - 1, LONGEST, len(column) // 3)
            totals[: longest + 1] += correlations[: longest + 1]
            counts[: longest + 1] += 1
            num_changes[: longest + 1] += len(correlations)
    means = np.where(counts > 0, totals / np.maximum(counts, 1), 0)
    inner = np.arange(2, LONGEST)
    is_peak = (means[inner] > means[inner - 1]) & (means[inner] >= means[inner + 1])
    # Of noise, one correlation in 300 is above three standard errors.
    chance = 3 / np.sqrt(np.maximum(num_changes[inner], 1))
    peaks = inner[is_peak & (means[inner] > np.maximum(LEAST_CORRELATION, chance))]
    if not len(peaks):
        return 1
    highest = means[peaks].max()
    # The shortest of about equal peaks: two seasons repeat as well as one.
    return int(peaks[means[peaks] > 0.9 * highest][0])


def _autocorrelation(changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The autocorrelation at every distance, (T,), 1 at distance 0."""
    centred = changes - changes.mean()
    power = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    correlations = np.fft.irfft(power)[: len(centred)]
    if correlations[0] <= 1e-12 * max(float(np.abs(changes).max()) ** 2, 1e-300):
        return np.zeros(len(centred))
    return np.asarray(correlations / correlations[0])
