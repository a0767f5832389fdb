"""Series to forecast as windows: those that train, those that validate, and the back-test."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.prepared import PreparedData
from tidegate.data.preprocessing.forecast import (
    LEAST_CONTEXT,
    ForecastOptions,
    ForecastPreprocessor,
)
from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.series_set import SeriesSet
from tidegate.data.windows import Windows, training_scales
from tidegate.errors import DataError
from tidegate.task import Task

MOST_ORIGINS = 10
"""Origins of the back-test where the user names no number, and the series are long enough."""


@dataclass(frozen=True)
class ForecastDataset:
    """Series whose next values are to be forecast."""

    name: str
    source: str
    """Where they came from: a sentence for the user."""
    series: SeriesSet
    """With the covariates that are known ahead as the last channels. Rows at the end of a series
    that have covariates alone are the future."""
    horizon: int
    """H, the steps to forecast."""
    season_length: int
    """The steps after which values repeat; 1 where they do not."""
    known: tuple[str, ...] = ()
    """The names of the covariates."""
    has_dates: bool = False
    """Whether times are seconds since 1970."""
    columns: SeriesColumns | None = None
    """The columns of the user's files."""
    notes: tuple[str, ...] = ()
    """What the user should know about the data, a sentence each."""
    num_origins: int | None = None
    """Points in time of the back-test; None for as many as the series allow, at most 10."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of what is forecast."""
        return self.series.channels[: len(self.series.channels) - len(self.known)]

    def lengths(self) -> NDArray[np.int64]:
        """The steps of each series with values, (number of series,), without its future."""
        if not self.known:
            return self.series.values.lengths()
        ends = []
        for row in range(len(self.series)):
            values = self.series.values[row][:, : len(self.channels)]
            there = np.flatnonzero(~np.isnan(values).all(1))
            ends.append(int(there[-1]) + 1 if len(there) else 0)
        return np.array(ends, np.int64)


@dataclass(frozen=True)
class Cuts:
    """Where the parts of each series end: by time, and never mixed."""

    train: NDArray[np.int64]
    """The first step of each series that validates; those before it train."""
    validation: NDArray[np.int64]
    """The first step of each series that is tested; those before it, from ``train``, validate."""
    test: NDArray[np.int64]
    """The number of steps of each series."""
    num_origins: int
    """Origins of the back-test in a series."""
    num_validation_origins: int


def cut(lengths: NDArray[np.int64], horizon: int, num_origins: int | None = None) -> Cuts:
    """Cut series by time: the last steps are tested, those before validate, the others train.

    Each origin is a horizon after the one before. As many origins are tested as leave half of the
    median series to train on, at most 10, unless their number is given; half as many validate.

    Args:
        lengths: The steps of each series.
        horizon: H.
        num_origins: Origins of the back-test.

    Raises:
        DataError: No series is long enough to be tested.
    """
    if num_origins is None:
        fits = int(np.median(lengths)) // (3 * horizon) if len(lengths) else 0
        num_origins = min(max(fits, 1), MOST_ORIGINS)
    before = max(num_origins // 2, 1)
    needed = num_origins * horizon + LEAST_CONTEXT
    if not len(lengths) or int(lengths.max()) < needed:
        raise DataError(
            f"forecast: expected a series of at least {needed:,} steps for {num_origins} "
            f"origin{'s' * (num_origins != 1)} and a horizon of {horizon:,}, got at most "
            f"{int(lengths.max(initial=0)):,}; take a shorter horizon, or more steps"
        )
    test = lengths - num_origins * horizon
    return Cuts(test - before * horizon, test, lengths, num_origins, before)


def prepare_forecast(
    dataset: ForecastDataset,
    options: ForecastOptions,
    quantiles: tuple[float, ...],
) -> PreparedData:
    """Cut series by time, fit a preprocessor on what trains, and lay the windows.

    Args:
        dataset: The series.
        options: How series become windows.
        quantiles: Those that are forecast.

    Raises:
        DataError: The series are too short, or have values that are refused.
    """
    horizon = options.horizon
    task = Task("forecast", dataset.channels, horizon, quantiles, options.season_length)
    lengths = dataset.lengths()
    _check_values(dataset, options, lengths)
    cuts = cut(lengths, horizon, dataset.num_origins)
    is_tested = cuts.validation >= LEAST_CONTEXT
    is_validated = cuts.train > LEAST_CONTEXT
    # A short series has no validation: all before its test trains.
    end = np.where(is_validated, cuts.train, cuts.validation)
    training = _first_steps(dataset.series, end)
    is_empty = np.isnan(training.values.values[:, : len(dataset.channels)]).all(0)
    if is_empty.any():
        raise DataError(
            f"{dataset.name}: expected values of {dataset.channels[int(is_empty.argmax())]} in the "
            "first steps, which train, got missing ones alone; leave the steps without values out"
        )
    preprocessor = ForecastPreprocessor.fit(
        training, options, known=dataset.known, has_dates=dataset.has_dates
    )
    scales = training_scales(
        dataset.series,
        len(dataset.channels),
        np.maximum(cuts.validation, 0),
        options.season_length,
    )

    def windows(
        first: NDArray[np.int64], count: NDArray[np.int64], stride: int, limit: NDArray[np.int64]
    ) -> Windows:
        return Windows(
            dataset.series,
            preprocessor,
            first,
            np.maximum(count, 0),
            np.full(len(lengths), stride),
            limit,
            scales,
        )

    start = np.full(len(lengths), LEAST_CONTEXT)
    train = windows(start, end - LEAST_CONTEXT, 1, end)
    validation = windows(
        cuts.train, cuts.num_validation_origins * is_validated, horizon, cuts.validation
    )
    test = windows(cuts.validation, cuts.num_origins * is_tested, horizon, cuts.test)
    if not len(train) or not len(validation):
        raise DataError(
            f"{dataset.name}: expected series of at least "
            f"{(cuts.num_origins + cuts.num_validation_origins) * horizon + LEAST_CONTEXT + 1:,} "
            f"steps, of which some train and some validate, got at most {int(lengths.max()):,}; "
            "take a shorter horizon, fewer origins (--origins), or more steps"
        )
    for windows_of, what in ((validation, "validate"), (test, "are tested")):
        if np.isnan(windows_of.targets_of(np.arange(len(windows_of)))).all():
            raise DataError(
                f"{dataset.name}: expected values in the last steps, which {what}, got missing "
                "ones alone; leave the steps without values out"
            )
    return PreparedData(
        train=train,
        validation=validation,
        test=test,
        task=task,
        preprocessor=preprocessor,
        unlabelled=None,
        columns=dataset.columns,
        facts=_facts(dataset, task, train, validation, test, cuts, ~is_tested),
    )


def back_test(dataset: ForecastDataset, preprocessor: ForecastPreprocessor) -> Windows:
    """The windows of the last points in time, for a model that is there already.

    Raises:
        DataError: Other channels than the model's, a value that is refused, or series that are too
            short.
    """
    if (dataset.channels, dataset.known) != (preprocessor.channels, preprocessor.known):
        wanted = ", ".join((*preprocessor.channels, *preprocessor.known))
        raise DataError(
            f"{dataset.name}: expected the channels {wanted}, got "
            f"{', '.join(dataset.series.channels)}"
        )
    options, lengths = preprocessor.options, dataset.lengths()
    _check_values(dataset, options, lengths)
    cuts = cut(lengths, options.horizon, dataset.num_origins)
    starts = np.maximum(cuts.validation, 0)
    scales = training_scales(dataset.series, len(dataset.channels), starts, options.season_length)
    counts = cuts.num_origins * (cuts.validation >= LEAST_CONTEXT)
    strides = np.full(len(lengths), options.horizon)
    return Windows(
        dataset.series, preprocessor, cuts.validation, counts, strides, cuts.test, scales
    )


def _check_values(
    dataset: ForecastDataset, options: ForecastOptions, lengths: NDArray[np.int64]
) -> None:
    """Refuse infinite values, covariates that are missing, and values that are where the options
    do; and series without any."""
    count = len(dataset.channels)
    dataset.series.check_finite()
    for row, length in enumerate(lengths.tolist()):
        is_missing = np.isnan(dataset.series.values[row][:length, :count])
        if is_missing.all(0).any():
            raise DataError(f"{dataset.series.name(row)}: expected values, got none")
        is_unknown = np.isnan(dataset.series.values[row][:length, count:])
        if is_unknown.any():
            step, covariate = np.argwhere(is_unknown)[0]
            raise DataError(
                f"{dataset.series.name(row)}, step {step}, covariate {dataset.known[covariate]}: "
                "expected a number, got a missing value; what is known ahead is needed at every "
                "step: fill it in, or leave it out of --known"
            )
        if options.missing == "refuse" and is_missing.any():
            step, channel = np.argwhere(is_missing)[0]
            raise DataError(
                f"{dataset.series.name(row)}, step {step}, channel {dataset.channels[channel]}: "
                "expected a number, got a missing value; to train with missing values, --set "
                "series.missing=mask (marked) or carry (the last value)"
            )


def _first_steps(series: SeriesSet, counts: NDArray[np.int64]) -> SeriesSet:
    """The first steps of every series, as a set of their own."""
    counts = np.maximum(counts, 0)
    offsets = series.values.offsets[:-1]
    if len(series) == 1:  # without a copy: it may be large
        values = series.values.values[: int(counts[0])]
        times = None if series.times is None else series.times[: int(counts[0])]
        return SeriesSet(Ragged(values, offsets_of(counts)), series.channels, times, series.ids)
    places = np.arange(int(counts.sum()))
    places += np.repeat(offsets - offsets_of(counts)[:-1], counts)
    return SeriesSet(
        Ragged(np.asarray(series.values.values[places]), offsets_of(counts)),
        series.channels,
        None if series.times is None else np.asarray(series.times[places]),
        series.ids,
    )


def _facts(
    dataset: ForecastDataset,
    task: Task,
    train: Windows,
    validation: Windows,
    test: Windows,
    cuts: Cuts,
    is_short: NDArray[np.bool_],
) -> dict[str, Any]:
    lengths, notes = dataset.lengths(), [*dataset.notes]
    if is_short.any():
        notes.append(
            f"{int(is_short.sum()):,} of {len(lengths):,} series are too short for the test and "
            "are left out of it"
        )
    constant = int(np.isnan(test.scales).any(1).sum())
    if constant:
        notes.append(
            f"{constant:,} of {len(lengths):,} series are constant, or too short, before the "
            "test: MASE is not defined for them, and leaves them out"
        )
    return {
        "kind": "forecast",
        "name": dataset.name,
        "source": dataset.source,
        "num_train": len(train),
        "num_validation": len(validation),
        "num_test": len(test),
        "columns": None if dataset.columns is None else dataset.columns.to_json(),
        "class_counts": {"training": {}, "test": {}},
        "notes": notes,
        "num_series": len(lengths),
        "num_origins": cuts.num_origins,
        "horizon": task.horizon,
        "season_length": task.season_length,
        "channels": len(dataset.channels),
        "numbers_a_step": train.preprocessor.input_size,
        "training_steps": int(np.maximum(cuts.train, 0).sum()),
        "shortest": int(lengths.min()),
        "longest": int(lengths.max()),
        "training_sha256": dataset.series.fingerprint(),
    }
