"""Windows of series to learn forecasting from, made batch by batch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.batches import Rows, ordered_batches
from tidegate.data.examples import Examples
from tidegate.data.preprocessing.forecast import UNIT, ForecastPreprocessor, Window
from tidegate.data.ragged import Ragged
from tidegate.data.series.series_set import SeriesSet
from tidegate.seeding import permutation

MOST_IN_AN_EPOCH = 1 << 14
"""Windows of an epoch; of more, each epoch takes others, evenly spread."""


@dataclass(frozen=True)
class Windows:
    """The windows of some series at some origins; memory does not grow with their number.

    An origin is the first step that is forecast. Steps from a series' limit on are not read, and
    are missing among the targets.
    """

    series: SeriesSet
    """With the channels and covariates of the preprocessor, in this order."""
    preprocessor: ForecastPreprocessor
    firsts: NDArray[np.int64]
    """The first origin in each series, (number of series,)."""
    counts: NDArray[np.int64]
    """The number of origins in each series, (number of series,)."""
    strides: NDArray[np.int64]
    """Steps from origin to origin, (number of series,)."""
    limits: NDArray[np.int64]
    """The step of each series at which its targets end, (number of series,)."""
    scales: NDArray[np.float64]
    """The mean absolute error of the seasonal naive forecast on each series' training steps,
    (number of series, C), by which MASE divides; NaN where it is 0 or unknown."""

    def __len__(self) -> int:
        return int(self.counts.sum())

    @property
    def steps(self) -> Ragged:
        """The steps of the series themselves, for counts of them."""
        return self.series.values

    @property
    def epoch_steps(self) -> int:
        """The steps that the network reads in an epoch, about: those of its windows."""
        rows = np.linspace(0, max(len(self) - 1, 0), min(len(self), 1_000)).astype(np.int64)
        mean = float(self.lengths(rows).mean()) if len(rows) else 0.0
        return round(mean * min(len(self), MOST_IN_AN_EPOCH))

    def places(self, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The series and the origin of some windows, (number of rows,) each."""
        ends = np.cumsum(self.counts)
        series = np.searchsorted(ends, rows, side="right")
        number = np.asarray(rows) - (ends - self.counts)[series]
        origins = self.firsts[series] + number * self.strides[series]
        return np.asarray(series, np.int64), np.asarray(origins, np.int64)

    def lengths(self, rows: Rows) -> NDArray[np.int64]:
        """The steps that the network reads of some windows, (number of rows,)."""
        options = self.preprocessor.options
        return np.minimum(self.places(rows)[1], options.window) + options.horizon

    @property
    def targets(self) -> NDArray[np.float64]:
        """The targets of all windows, (N, (H + 1) * C), as :class:`~tidegate.task.Task` has them:
        the values, and the scale of each channel."""
        rows = np.arange(len(self))
        return np.concatenate([self.targets_of(rows), self.scales[self.places(rows)[0]]], 1)

    @property
    def units(self) -> NDArray[np.float64]:
        """What a difference of 1 is in each window, (N, C)."""
        return np.asarray(self.batch(np.arange(len(self)))[0][UNIT].values)

    def targets_of(self, rows: Rows) -> NDArray[np.float64]:
        """The values to be forecast in some windows, (number of rows, H * C).

        NaN where a value is missing, or its channel has no value in the window to forecast from.
        """
        horizon, count = self.preprocessor.options.horizon, len(self.preprocessor.channels)
        targets = np.full((len(rows), horizon, count), np.nan)
        places = zip(*(one.tolist() for one in self.places(rows)), strict=True)
        for number, (series, origin) in enumerate(places):
            end = min(origin + horizon, int(self.limits[series]))
            values = self.series.values[series]
            ahead = values[origin:end, :count]
            targets[number, : len(ahead)] = ahead
            past = values[max(origin - self.preprocessor.options.window, 0) : origin, :count]
            targets[number, :, np.isnan(past).all(0)] = np.nan
        return targets.reshape(len(rows), -1)

    def batch(self, rows: Rows) -> tuple[dict[str, Ragged], NDArray[Any]]:
        """The arrays that the network reads of some windows, by name, and their targets."""
        places = zip(*(one.tolist() for one in self.places(rows)), strict=True)
        windows = [self._window(series, origin) for series, origin in places]
        return self.preprocessor.arrays(windows), self.targets_of(rows)

    def _window(self, series: int, origin: int) -> Window:
        options, count = self.preprocessor.options, len(self.preprocessor.channels)
        start, end = max(origin - options.window, 0), origin + options.horizon
        values = self.series.values[series]
        times, known = self.series.times_of(series), values[start:end, count:].astype(np.float64)
        if len(known) < end - start:  # the last origins, whose horizon is cut
            known = np.pad(known, ((0, end - start - len(known)), (0, 0)), mode="edge")
        window_times = None
        if times is not None:
            after = times[origin - 1] + self.preprocessor.time_step * np.arange(
                1, options.horizon + 1
            )
            window_times = np.concatenate([times[start:origin], after])
        return Window(values[start:origin, :count].astype(np.float64), known, window_times)

    def epoch(self, batch_size: int, seed: int, epoch: int) -> list[Rows]:
        """The batches of an epoch, a function of seed and epoch."""
        count = len(self)
        if count > MOST_IN_AN_EPOCH:
            places = permutation(MOST_IN_AN_EPOCH, seed, "windows", epoch)
            # One window in each of as many equal parts of all windows.
            width = count / MOST_IN_AN_EPOCH
            shift = permutation(MOST_IN_AN_EPOCH, seed, "places of windows", epoch)
            order = ((places + shift / MOST_IN_AN_EPOCH) * width).astype(np.int64)
        else:
            order = permutation(count, seed, "windows", epoch)
        return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]

    def in_order(self, batch_size: int, max_tokens: int) -> list[Rows]:
        """The batches of an evaluation."""
        return ordered_batches(
            self.lengths(np.arange(len(self))), batch_size, max_tokens=max_tokens
        )


def training_scales(
    series: SeriesSet, num_channels: int, limits: NDArray[np.int64], season_length: int
) -> NDArray[np.float64]:
    """The mean absolute error of the seasonal naive forecast, one step of a season ahead.

    Source: R. Hyndman and A. Koehler, "Another look at measures of forecast accuracy",
    International Journal of Forecasting, 2006.

    Args:
        series: With at least ``num_channels`` channels.
        num_channels: C.
        limits: How many steps of each series count, (number of series,).
        season_length: m; series that are not longer are measured with 1.

    Returns:
        (number of series, C); NaN where it is 0 or there are too few steps.
    """
    scales = np.full((len(series), num_channels), np.nan)
    for row, limit in enumerate(limits.tolist()):
        values = series.values[row][:limit, :num_channels]
        lag = season_length if len(values) > season_length else 1
        changes = np.abs(values[lag:].astype(np.float64) - values[:-lag])
        counts = (~np.isnan(changes)).sum(0)
        mean = np.nansum(changes, 0) / np.maximum(counts, 1)
        scales[row] = np.where((counts > 0) & (mean > 0), mean, np.nan)
    return scales


Learnable = Examples | Windows
"""What a network learns from: labelled sequences, or windows of series to forecast."""
