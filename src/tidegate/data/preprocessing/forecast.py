"""Windows of series as the numbers that a forecasting network reads, and the base of its answers.

A network reads a window of past steps and then the steps to be forecast. At these, the value of a
channel is that of the seasonal naive forecast: the last known value of the same season. What the
network predicts is the difference from it, in the window's unit.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.data.preprocessing.calendar import calendar_of, calendar_parts
from tidegate.data.preprocessing.filling import carried, seasonal_naive
from tidegate.data.preprocessing.series import VALUES, SeriesReading, refuse_missing
from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.series.gaps import fill_gaps_by_step
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import DataError, FormatError
from tidegate.storage import schema

Scaling = Literal["standard", "instance", "none"]
Missing = Literal["refuse", "carry", "mask"]

BASE, UNIT = "base", "unit"
"""Names of the arrays: the forecast that a network's differences are added to, at each step ahead;
and what a difference of 1 is, for each window."""
LEAST_CONTEXT = 2
"""Known steps that a forecast needs."""


@dataclass(frozen=True)
class ForecastOptions:
    """How series become windows."""

    horizon: int
    """H, the steps that are forecast."""
    window: int
    """The most past steps that are read."""
    season_length: int = 1
    """m, the steps after which values repeat; 1 where they do not."""
    scaling: Scaling = "standard"
    """A channel's unit is its deviation over the training part (``standard``), or the mean change
    from season to season in the window itself (``instance``), or 1."""
    missing: Missing = "refuse"
    """Missing values are refused; or the last value is carried forward; or it is, and a channel
    more for each channel says whether its value is there."""


@dataclass(frozen=True)
class Window:
    """Past steps of a series, and what is known of the steps ahead."""

    past: NDArray[np.float64]
    """The values of the C channels, (T, C), NaN where missing; T is at least 2."""
    known: NDArray[np.float64]
    """The K covariates that are known ahead, (T + H, K)."""
    times: NDArray[np.float64] | None
    """When each step is, (T + H,), seconds since 1970; None where steps are only counted."""


@dataclass(frozen=True)
class ForecastPreprocessor:
    """Turns windows into named ragged arrays.

    - ``values``: at each of T + H steps each channel's value and its change since the season
      before, whether values are there, the known covariates, the calendar, and whether the step is
      ahead;
    - ``base``: the seasonal naive forecast, H steps of C numbers;
    - ``unit``: what a difference of 1 is, 1 step of C numbers.
    """

    kind: ClassVar[str] = "forecast"

    channels: tuple[str, ...]
    """The C channels that are forecast."""
    known: tuple[str, ...]
    """The K covariates that are known ahead."""
    options: ForecastOptions
    calendar: tuple[str, ...]
    """Parts of the calendar that the network reads, see
    :mod:`~tidegate.data.preprocessing.calendar`."""
    time_step: float
    """The time between two steps, in seconds for dates; 0 where steps are only counted."""
    mean: tuple[float, ...]
    """The mean of each channel and covariate over the training part, (C + K,)."""
    scale: tuple[float, ...]
    """The deviation of each; 1 for one that is constant."""

    @classmethod
    def fit(
        cls,
        series: SeriesSet,
        options: ForecastOptions,
        *,
        known: tuple[str, ...] = (),
        has_dates: bool = False,
    ) -> Self:
        """Measure means, deviations and the time between steps.

        Args:
            series: The steps that train, with channels and covariates.
            options: How series become windows.
            known: The names of the covariates, which are the last channels of ``series``.
            has_dates: Whether times are seconds since 1970.

        Raises:
            DataError: A channel has no value at all.
        """
        from tidegate.data.preprocessing.series import SeriesOptions, SeriesPreprocessor

        scaled = SeriesPreprocessor.fit(series, SeriesOptions())
        step = 0.0 if series.times is None else scaled.time_unit
        channels = series.channels[: len(series.channels) - len(known)]
        return cls(
            channels,
            known,
            options,
            calendar_parts(step, _span(series)) if has_dates else (),
            step,
            scaled.mean,
            scaled.scale,
        )

    @property
    def input_size(self) -> int:
        """Numbers at every step."""
        per_channel = 2 + (self.options.missing == "mask")
        return per_channel * len(self.channels) + len(self.known) + 2 * len(self.calendar) + 1

    @property
    def looks_ahead(self) -> bool:
        """Whether what is read at a step depends on later steps: a window's unit does."""
        return True

    def arrays(self, windows: list[Window]) -> dict[str, Ragged]:
        """The arrays of some windows, by name; each window's are independent of the others.

        Raises:
            DataError: A window has fewer known values than a forecast needs.
        """
        parts = [self._window(window) for window in windows]
        lengths = [len(values) for values, _, _ in parts]
        count, width = len(parts), len(self.channels)
        horizon = self.options.horizon
        empty = np.empty((0, self.input_size), np.float32)
        return {
            VALUES: Ragged(
                np.concatenate([empty, *(one[0] for one in parts)]), offsets_of(lengths)
            ),
            BASE: Ragged(
                np.concatenate([np.empty((0, width)), *(one[1] for one in parts)]),
                offsets_of([horizon] * count),
            ),
            UNIT: Ragged(
                np.concatenate([np.empty((0, width)), *(one[2][None] for one in parts)]),
                offsets_of([1] * count),
            ),
        }

    def read(self, series: SeriesSet) -> tuple[dict[str, Ragged], SeriesReading]:
        """The arrays that forecast the steps after the end of each series, and counts.

        Where there are covariates, the last H rows of a series have these alone; its channels are
        missing there. Steps that are missing between others are added without values.

        Raises:
            DataError: Other channels, a value that is refused, or a series that is too short.
        """
        expected = (*self.channels, *self.known)
        if series.channels != expected:
            raise DataError(
                f"series: expected the channels {', '.join(expected)}, got "
                f"{', '.join(series.channels) or 'none'}"
            )
        series.check_finite()
        series = fill_gaps_by_step(series, self.time_step, len(self.known))
        windows = [self._last(series, row) for row in range(len(series))]
        values = series.values.values
        reading = SeriesReading(len(series), len(values), values.size, int(np.isnan(values).sum()))
        return self.arrays(windows), reading

    def _last(self, series: SeriesSet, row: int) -> Window:
        values, times = series.values[row], series.times_of(row)
        count, horizon = len(self.channels), self.options.horizon
        end = len(values)
        if self.known:
            check_future(series, row, count, horizon)
            end -= horizon
        self.check_context(values[:end, :count], series.name(row))
        start = max(end - self.options.window, 0)
        if self.options.missing == "refuse":
            refuse_missing(
                SeriesSet.from_arrays(
                    [values[start:end, :count]], channels=self.channels, ids=(series.name(row),)
                )
            )
        all_times = None
        if times is not None:
            after = times[end - 1] + self.time_step * np.arange(1, horizon + 1)
            all_times = np.concatenate([times[start:end], after])
        return Window(
            values[start:end, :count].astype(np.float64),
            values[start : end + horizon, count:].astype(np.float64),
            all_times,
        )

    def check_context(self, past: NDArray[Any], name: str) -> None:
        """Refuse a series with too few known steps.

        Raises:
            DataError: With the series' name.
        """
        if len(past) < LEAST_CONTEXT or np.isnan(past).all(0).any():
            raise DataError(
                f"{name}: expected at least {LEAST_CONTEXT} steps with values to forecast from, "
                f"got {int((~np.isnan(past)).any(1).sum())}; leave the series out, or give more"
            )

    def _window(
        self, window: Window
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
        """Values (T + H, I), base (H, C) and unit (C,) of one window."""
        options, horizon = self.options, self.options.horizon
        count, season = len(self.channels), self.options.season_length
        is_missing = np.isnan(window.past)
        # A channel without any value, in training: its targets are left out, and its mean is read.
        means = np.array(self.mean[:count])
        past = carried(np.where(is_missing.all(0), means, window.past))
        length = len(past)
        base = seasonal_naive(past, horizon, season)
        both = np.concatenate([past, base])
        lag = min(season, length)
        change = np.zeros_like(both)
        change[lag:length] = past[lag:] - past[:-lag] if lag < length else 0
        centre, unit = self._centre_and_unit(past, change[lag:length])
        scaled, changes = (both - centre) / unit, change / unit
        if options.scaling == "instance":
            # Levels grow with the window's length; their logarithm stays in the cells' range.
            scaled, changes = np.arcsinh(scaled), np.arcsinh(changes)
        columns = [scaled, changes]
        is_ahead = np.arange(length + horizon) >= length
        if options.missing == "mask":
            there = np.zeros((length + horizon, count))
            there[:length] = ~is_missing
            columns.append(there)
        if self.known:
            mean, scale = np.array(self.mean[count:]), np.array(self.scale[count:])
            columns.append((window.known - mean) / scale)
        if self.calendar:
            assert window.times is not None
            columns.append(calendar_of(window.times, self.calendar))
        columns.append(is_ahead[:, None].astype(np.float64))
        return np.concatenate(columns, 1).astype(np.float32), base, unit

    def _centre_and_unit(
        self, past: NDArray[np.float64], changes: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        count = len(self.channels)
        if self.options.scaling == "standard":
            return np.array(self.mean[:count]), np.array(self.scale[:count])
        if self.options.scaling == "none":
            return np.zeros(count), np.ones(count)
        unit = np.abs(changes).mean(0) if len(changes) else np.zeros(count)
        level = np.abs(past).mean(0)
        unit = np.where(unit > 1e-6 * level, unit, np.where(level > 0, 0.05 * level, 1.0))
        return past[-1], unit

    def describe(self) -> str:
        """What is made of a series, in a line."""
        options = self.options
        season = f", whose season has {options.season_length} steps" * (options.season_length > 1)
        known = f"; known ahead: {', '.join(self.known)}" if self.known else ""
        calendar = f"; reads {', '.join(self.calendar)}" if self.calendar else ""
        return (
            f"the last {options.window:,} steps of {', '.join(self.channels[:8])}{season}, and "
            f"forecasts {options.horizon:,}{known}{calendar}"
        )

    def to_json(self) -> dict[str, Any]:
        """What a model folder keeps of it."""
        return {
            "kind": self.kind,
            "channels": [*self.channels],
            "known": [*self.known],
            **asdict(self.options),
            "calendar": [*self.calendar],
            "time_step": self.time_step,
            "mean": [*self.mean],
            "scale": [*self.scale],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The preprocessor of :meth:`to_json`.

        Raises:
            FormatError: The content is not that of a preprocessor of forecasts.
        """
        given = {key: value for key, value in content.items() if key != "kind"}
        file: _File = schema.build(_File, given, "preprocessor: ")
        names = [one.name for one in fields(ForecastOptions)]
        options = ForecastOptions(**{name: getattr(file, name) for name in names})
        for name, kind in (("scaling", Scaling), ("missing", Missing)):
            if getattr(options, name) not in get_args(kind):
                raise FormatError(
                    f"preprocessor: expected {name} of {', '.join(get_args(kind))}, got "
                    f"{getattr(options, name)!r}"
                )
        for name in ("horizon", "window", "season_length"):
            if not 1 <= getattr(options, name) < 1 << 24:
                raise FormatError(
                    f"preprocessor: expected {name} from 1 on, got {getattr(options, name)!r}"
                )
        all_names = (*file.channels, *file.known)
        if not file.channels or len({*all_names}) < len(all_names):
            raise FormatError("preprocessor: expected distinct channels, got none or one twice")
        if not len(file.mean) == len(file.scale) == len(all_names):
            raise FormatError(
                f"preprocessor: expected {len(all_names)} means and scales, got {len(file.mean)} "
                f"and {len(file.scale)}"
            )
        numbers = np.array([*file.mean, *file.scale, file.time_step])
        if not np.isfinite(numbers).all() or min(*file.scale, 1) <= 0 or file.time_step < 0:
            raise FormatError(
                "preprocessor: expected finite numbers and scales above 0, got others"
            )
        if {*file.calendar} - {*calendar_parts(1.0)}:
            raise FormatError(f"preprocessor: expected parts of a calendar, got {file.calendar}")
        return cls(
            file.channels,
            file.known,
            options,
            file.calendar,
            file.time_step,
            file.mean,
            file.scale,
        )


@dataclass(frozen=True)
class _File:
    """The JSON of a preprocessor."""

    channels: tuple[str, ...]
    known: tuple[str, ...]
    horizon: int
    window: int
    season_length: int
    scaling: str
    missing: str
    calendar: tuple[str, ...]
    time_step: float
    mean: tuple[float, ...]
    scale: tuple[float, ...]


def _span(series: SeriesSet) -> float:
    """The longest time from the first to the last step of a series; 0 where there are no times."""
    if series.times is None:
        return 0.0
    offsets = series.values.offsets
    is_real = np.diff(offsets) > 0
    lasted = series.times[offsets[1:][is_real] - 1] - series.times[offsets[:-1][is_real]]
    return float(lasted.max(initial=0.0))


def check_future(series: SeriesSet, row: int, num_channels: int, horizon: int) -> None:
    """Check that the last H rows of a series are its future: covariates, and no other values.

    Args:
        series: With ``num_channels`` channels, and then the covariates.
        row: The number of the series.
        num_channels: C.
        horizon: H.

    Raises:
        DataError: They are not.
    """
    values, names = series.values[row], series.channels
    ahead = values[max(len(values) - horizon, 0) :]
    if len(ahead) < horizon or np.isnan(ahead[:, num_channels:]).any():
        raise DataError(
            f"{series.name(row)}: expected {horizon} rows at its end with the covariates "
            f"{', '.join(names[num_channels:])} of the steps to be forecast, got fewer, or empty "
            "ones"
        )
    if not np.isnan(ahead[:, :num_channels]).all():
        raise DataError(
            f"{series.name(row)}: expected no values of {', '.join(names[:num_channels])} in the "
            f"last {horizon} rows, which are to be forecast, got some; add {horizon} rows with "
            "the covariates alone"
        )
