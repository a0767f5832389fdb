"""Series as the numbers that a network reads: scaled, with missing values filled in and marked."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.data.preprocessing import stepwise
from tidegate.data.preprocessing.coarsen import coarsen
from tidegate.data.ragged import Ragged
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import DataError, FormatError
from tidegate.storage import schema

Scaling = Literal["standard", "instance", "none"]
Missing = Literal["refuse", "carry", "mask"]
Time = Literal["ignore", "difference"]

VALUES = "values"
"""The name of the array."""

MOST_CHANNELS = 100_000
MOST_STRIDE = 10_000
_AT_ONCE = 1 << 18
"""Steps whose statistics are computed at once, so that little of a memory map is in memory."""


@dataclass(frozen=True)
class SeriesOptions:
    """How series become what a network reads."""

    scaling: Scaling = "standard"
    """Mean and deviation of every channel over the training part (``standard``), of every series
    alone (``instance``), or none."""
    missing: Missing = "refuse"
    """Missing values are refused; or the last value is carried forward; or it is, and two channels
    more for each channel say whether its value is there and how long ago it last was (as in Che et
    al. 2018)."""
    time: Time = "ignore"
    """Whether a channel more has the time since the step before."""
    differences: bool = False
    """Whether a channel more for each channel has its change since the step before."""
    stride: int = 1
    """Steps whose mean the network reads as one step; 1 for every step by itself."""


@dataclass
class SeriesReading:
    """Counts over series; two of them add up."""

    series: int = 0
    steps: int = 0
    values: int = 0
    """Steps times channels."""
    missing: int = 0
    """Values that are not there."""

    def __iadd__(self, other: "SeriesReading") -> "SeriesReading":
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self


@dataclass(frozen=True)
class SeriesPreprocessor:
    """Turns series into one ragged array of numbers, ``values``, (P, :attr:`input_size`), float32.

    Its columns are the scaled channels, then as the options say their changes, whether each is
    there and how long ago it last was, and the time since the step before.
    """

    kind: ClassVar[str] = "series"

    channels: tuple[str, ...]
    options: SeriesOptions
    mean: tuple[float, ...]
    """The mean of every channel over the training part; zeros unless scaling is ``standard``."""
    scale: tuple[float, ...]
    """The deviation of every channel over the training part; 1 for a constant channel."""
    change_scale: tuple[float, ...]
    """The root of the mean square of every scaled channel's change from step to step."""
    time_unit: float = 1.0
    """The median time between two steps of the training part."""

    @classmethod
    def fit(cls, series: SeriesSet, options: SeriesOptions) -> Self:
        """Measure means and deviations, and the time between steps.

        Args:
            series: Those that train.
            options: How series are read.
        """
        width = len(series.channels)
        mean, scale = np.zeros(width), np.ones(width)
        if options.scaling == "standard":
            mean, scale = _moments(series, options.stride)
        made = cls(
            series.channels,
            options,
            tuple(mean.tolist()),
            tuple(scale.tolist()),
            (1.0,) * width,
            _median_step(series, options.stride),
        )
        if not options.differences:
            return made
        return cls(
            series.channels,
            options,
            made.mean,
            made.scale,
            tuple(made._change_scale(series).tolist()),
            made.time_unit,
        )

    @property
    def input_size(self) -> int:
        """Numbers at every step."""
        options, width = self.options, len(self.channels)
        per_channel = 1 + options.differences + 2 * (options.missing == "mask")
        return width * per_channel + (options.time == "difference")

    @property
    def looks_ahead(self) -> bool:
        """Whether what a network reads at a step depends on later steps."""
        return self.options.scaling == "instance" or self.options.stride > 1

    def transform(self, series: SeriesSet) -> dict[str, Ragged]:
        """The array of some series, by name.

        Raises:
            DataError: Other channels, or a missing value where these are refused.
        """
        return self.read(series)[0]

    def read(self, series: SeriesSet) -> tuple[dict[str, Ragged], SeriesReading]:
        """What :meth:`transform` gives, and counts of steps and missing values."""
        self.check(series)
        values = np.asarray(series.values.values, np.float32)
        first, last = int(series.values.offsets[0]), int(series.values.offsets[-1])
        if first or last < len(values):
            raise ValueError("series: expected values of these series alone, got others")
        num_missing = int(np.isnan(values).sum())
        reading = SeriesReading(len(series), len(values), values.size, num_missing)
        series = coarsen(series, self.options.stride)
        values, offsets = np.asarray(series.values.values, np.float32), series.values.offsets
        is_missing = np.isnan(values)
        filled = self._filled(self._scaled(values, offsets), is_missing, offsets)
        columns: list[NDArray[Any]] = [filled]
        if self.options.differences:
            changes = stepwise.changes(filled, offsets)
            columns.append(changes / np.array(self.change_scale, np.float32))
        since = stepwise.time_since_step_before(series, self.time_unit)
        if self.options.missing == "mask":
            age = stepwise.time_since_seen(is_missing, since, offsets)
            columns += [(~is_missing).astype(np.float32), np.log1p(age).astype(np.float32)]
        if self.options.time == "difference":
            columns.append(np.log1p(since)[:, None].astype(np.float32))
        joined = np.concatenate(columns, 1) if len(columns) > 1 else filled
        return {VALUES: Ragged(np.ascontiguousarray(joined), offsets)}, reading

    def check(self, series: SeriesSet) -> None:
        """Check that series have the channels of the training, and no value that is refused.

        Raises:
            DataError: With the series, the step and the channel.
        """
        if series.channels != self.channels:
            lacking = [name for name in self.channels if name not in series.channels]
            raise DataError(
                f"series: expected the channels {', '.join(self.channels)}, got "
                f"{', '.join(series.channels) or 'none'}"
                + (f"; {lacking[0]} is missing" if lacking else "")
            )
        if self.options.time == "difference" and series.times is None:
            raise DataError(
                "series: expected the time of every step, as the model was trained with it, got "
                "series without times"
            )
        series.check_finite()
        if self.options.missing == "refuse":
            refuse_missing(series)

    def describe(self) -> str:
        """What becomes of a series, in a line."""
        options, count = self.options, len(self.channels)
        parts = {
            "standard": "scaled by the training part's mean and deviation",
            "instance": "scaled by its own mean and deviation",
            "none": "as it is",
        }[options.scaling]
        missing = {
            "refuse": "missing values are refused",
            "carry": "a missing value is the last one before it",
            "mask": "a missing value is the last one before it, and marked",
        }[options.missing]
        if options.stride > 1:
            parts += f", the mean of {options.stride} steps as one"
        more = ["changes from step to step"] * options.differences
        more += ["time since the step before"] * (options.time == "difference")
        beside = f", with {' and '.join(more)}" if more else ""
        return (
            f"series of {count} channel{'s' * (count != 1)} ({', '.join(self.channels[:8])}"
            f"{', ...' if count > 8 else ''}): each is {parts}{beside}; {missing}"
        )

    def to_json(self) -> dict[str, Any]:
        """What a model folder keeps of it."""
        return {
            "kind": self.kind,
            "channels": [*self.channels],
            **asdict(self.options),
            "mean": [*self.mean],
            "scale": [*self.scale],
            "change_scale": [*self.change_scale],
            "time_unit": self.time_unit,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The preprocessor of :meth:`to_json`.

        Raises:
            FormatError: The content is not that of a preprocessor of series.
        """
        given = {key: value for key, value in content.items() if key != "kind"}
        file: _File = schema.build(_File, given, "preprocessor: ")
        counts = {len(each) for each in (file.channels, file.mean, file.scale, file.change_scale)}
        if len(counts) > 1 or not 1 <= len(file.channels) <= MOST_CHANNELS:
            raise FormatError(
                "preprocessor: expected as many means and scales as channels, got "
                f"{len(file.channels)} channels, {len(file.mean)} means, {len(file.scale)} and "
                f"{len(file.change_scale)} scales"
            )
        if len({*file.channels}) < len(file.channels):
            raise FormatError("preprocessor: expected distinct channels, got one twice")
        divisors = np.array([*file.scale, *file.change_scale, file.time_unit])
        if not (np.isfinite([*file.mean]).all() and np.isfinite(divisors).all()):
            raise FormatError("preprocessor: expected finite numbers, got others")
        if not (divisors > 0).all():
            raise FormatError("preprocessor: expected scales above 0, got others")
        names = [one.name for one in fields(SeriesOptions)]
        options = SeriesOptions(**{name: getattr(file, name) for name in names})
        for name, kind in (("scaling", Scaling), ("missing", Missing), ("time", Time)):
            if getattr(options, name) not in get_args(kind):
                raise FormatError(
                    f"preprocessor: expected {name} of {', '.join(get_args(kind))}, got "
                    f"{getattr(options, name)!r}"
                )
        if not 1 <= options.stride <= MOST_STRIDE:
            raise FormatError(
                f"preprocessor: expected stride from 1 to {MOST_STRIDE:,}, got {options.stride}"
            )
        return cls(file.channels, options, file.mean, file.scale, file.change_scale, file.time_unit)

    def _scaled(
        self, values: NDArray[np.float32], offsets: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Scaled values, (P, I); what is missing stays NaN."""
        if self.options.scaling == "standard":
            mean, scale = np.array(self.mean, np.float32), np.array(self.scale, np.float32)
            return np.asarray((values - mean) / scale)
        if self.options.scaling == "none":
            return values
        scaled = np.empty_like(values)
        for first, last in itertools.pairwise(offsets.tolist()):
            # Series by series, so that a value does not depend on the others' number.
            own = values[first:last].astype(np.float64)
            count = np.maximum((~np.isnan(own)).sum(0), 1)
            mean = np.nansum(own, 0) / count
            deviation = np.sqrt(np.nansum((own - mean) ** 2, 0) / count)
            scaled[first:last] = (own - mean) / stepwise.divisors(deviation, np.abs(mean))
        return scaled

    def _filled(
        self,
        scaled: NDArray[np.float32],
        is_missing: NDArray[np.bool_],
        offsets: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Missing values replaced by the last one before, or by the mean where there is none."""
        if not is_missing.any():
            return scaled
        last_seen = stepwise.last_seen(is_missing, offsets)
        filled = np.take_along_axis(scaled, np.maximum(last_seen, 0), 0)
        filled[last_seen < 0] = 0
        return filled

    def _change_scale(self, series: SeriesSet) -> NDArray[np.float64]:
        """The root of the mean square of the scaled channels' changes, (I,)."""
        squares, count = np.zeros(len(self.channels)), 0
        for part in _coarse_parts(series, self.options.stride):
            values = np.asarray(part.values.values, np.float32)
            scaled = self._scaled(values, part.values.offsets)
            filled = self._filled(scaled, np.isnan(values), part.values.offsets)
            changes = stepwise.changes(filled, part.values.offsets).astype(np.float64)
            squares += (changes**2).sum(0)
            count += len(changes) - len(part)
        return stepwise.divisors(np.sqrt(squares / max(count, 1)), np.zeros(len(self.channels)))


def refuse_missing(series: SeriesSet) -> None:
    """Refuse missing values.

    Raises:
        DataError: With the first one's series, step and channel.
    """
    for row in range(len(series)):
        is_missing = np.isnan(series.values[row])
        if is_missing.any():
            step, channel = np.argwhere(is_missing)[0]
            raise DataError(
                f"{series.name(row)}, step {step}, channel {series.channels[channel]}: expected a "
                "number, got a missing value; to train with missing values, --set "
                "series.missing=mask (marked) or carry (the last value)"
            )


def constant_channels(series: SeriesSet) -> tuple[str, ...]:
    """The channels that have the same value at every step, which tell nothing."""
    if not series.num_steps:
        return ()
    low, high = np.full(len(series.channels), np.inf), np.full(len(series.channels), -np.inf)
    for part in parts_of(series):
        low = np.fmin(low, np.fmin.reduce(part.values.values, 0, initial=np.inf))
        high = np.fmax(high, np.fmax.reduce(part.values.values, 0, initial=-np.inf))
    return tuple(name for name, one in zip(series.channels, low >= high, strict=True) if one)


@dataclass(frozen=True)
class _File:
    """The JSON of a preprocessor."""

    channels: tuple[str, ...]
    scaling: str
    missing: str
    time: str
    differences: bool
    stride: int
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    change_scale: tuple[float, ...]
    time_unit: float


def parts_of(series: SeriesSet) -> Iterator[SeriesSet]:
    """The series in groups of about 260,000 steps, and at least one series."""
    start = 0
    while start < len(series):
        wanted = int(series.values.offsets[start]) + _AT_ONCE
        end = int(np.searchsorted(series.values.offsets, wanted, side="right")) - 1
        end = min(max(end, start + 1), len(series))
        yield series.take(slice(start, end))
        start = end


def _coarse_parts(series: SeriesSet, stride: int) -> Iterator[SeriesSet]:
    """The parts of series, with the means of so many steps each."""
    for part in parts_of(series):
        yield coarsen(part, stride)


def _moments(series: SeriesSet, stride: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of every channel over the values that are there, (I,) each."""
    count, total = np.zeros(len(series.channels)), np.zeros(len(series.channels))
    for part in _coarse_parts(series, stride):
        values = part.values.values.astype(np.float64)
        count += (~np.isnan(values)).sum(0)
        total += np.nansum(values, 0)
    mean, squares = total / np.maximum(count, 1), np.zeros(len(series.channels))
    for part in _coarse_parts(series, stride):
        squares += np.nansum((part.values.values.astype(np.float64) - mean) ** 2, 0)
    return mean, stepwise.divisors(np.sqrt(squares / np.maximum(count, 1)), np.abs(mean))


def _median_step(series: SeriesSet, stride: int) -> float:
    """The median time between two steps of which each stands for ``stride``; 1 where steps are
    only counted."""
    if series.times is None or series.num_steps < 2:
        return 1.0
    steps = np.diff(series.times)
    inside = np.ones(len(steps), np.bool_)
    ends = series.values.offsets[1:-1] - 1
    inside[ends[(ends >= 0) & (ends < len(steps))]] = False
    median = float(np.median(steps[inside])) if inside.any() else 1.0
    return stride * median if median > 0 else 1.0
