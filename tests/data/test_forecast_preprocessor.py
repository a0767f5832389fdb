"""What prepares series for forecasting: the steps after their end, the calendar, its JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tidegate.data.preprocessing import from_json
from tidegate.data.preprocessing.calendar import calendar_of, calendar_parts
from tidegate.data.preprocessing.filling import carried, seasonal_naive
from tidegate.data.preprocessing.forecast import (
    BASE,
    UNIT,
    VALUES,
    ForecastOptions,
    ForecastPreprocessor,
)
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import DataError, FormatError

NAN = float("nan")
DAY_S = 86_400.0


def fitted(*, known=(), values=None, times=None, **options):
    width = 1 + len(known)
    values = np.arange(24.0 * width).reshape(24, width) if values is None else values
    series = SeriesSet.from_arrays(
        [values], channels=("level", *known), times=None if times is None else [times]
    )
    given = ForecastOptions(**({"horizon": 2, "window": 6, "scaling": "none"} | options))
    return ForecastPreprocessor.fit(series, given, known=known, has_dates=times is not None)


def test_the_next_steps_after_the_end():
    arrays, _ = fitted().read(SeriesSet.from_arrays([[5.0, 7, 4]], channels=("level",)))
    assert arrays[VALUES].values.tolist() == [
        [5, 0, 0],
        [7, 2, 0],
        [4, -3, 0],
        [4, 0, 1],
        [4, 0, 1],
    ]
    assert arrays[BASE].values.tolist() == [[4], [4]]


def test_standard_scaling_is_that_of_the_training_part():
    made = fitted(values=np.array([[0.0], [4], [0], [4]]), scaling="standard")
    arrays, _ = made.read(SeriesSet.from_arrays([[6.0, 8]], channels=("level",)))
    assert arrays[VALUES].values[:, 0].tolist() == [2, 3, 3, 3]  # mean 2, deviation 2
    assert arrays[UNIT].values.tolist() == [[2]]


def test_instance_scaling_does_not_depend_on_the_level():
    made = fitted(scaling="instance")
    low, high = (
        made.read(SeriesSet.from_arrays([by * np.array([5.0, 7, 4, 8])], channels=("level",)))[0]
        for by in (1, 1024)
    )
    assert (low[VALUES].values == high[VALUES].values).all()
    assert (1024 * low[UNIT].values == high[UNIT].values).all()
    assert low[UNIT].values.tolist() == [[3]]  # the mean of the changes 2, 3 and 4


@pytest.mark.parametrize(("level", "unit"), [(40.0, 2.0), (0.0, 1.0)])
def test_a_constant_window_has_a_unit(level, unit):
    given = SeriesSet.from_arrays([np.full(5, level)], channels=("level",))
    arrays, _ = fitted(scaling="instance").read(given)
    assert arrays[UNIT].values == pytest.approx(np.array([[unit]]))
    assert np.isfinite(arrays[VALUES].values).all()


def test_covariates_of_the_future_are_read():
    made = fitted(known=("price",), values=np.tile([[1.0, 0], [1, 4]], (5, 1)))
    rows = [[5.0, 2], [7, 4], [NAN, 0], [NAN, 6]]
    arrays, _ = made.read(SeriesSet.from_arrays([rows], channels=("level", "price")))
    assert arrays[VALUES].values[:, 2].tolist() == [0, 1, -1, 2]  # mean 2, deviation 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[5.0, 2], [7, 4], [NAN, 0], [NAN, NAN]], "2 rows at its end with the covariates price"),
        ([[NAN, 2]], "2 rows at its end with the covariates price"),
        ([[5.0, 2], [7, 4], [NAN, 0], [8, 6]], "expected no values of level in the last 2 rows"),
        ([[5.0, 2], [NAN, 0], [NAN, 6]], "expected at least 2 steps with values"),
    ],
    ids=["missing", "none", "values", "short"],
)
def test_a_future_that_is_not_one_is_refused(rows, message):
    made = fitted(known=("price",))
    with pytest.raises(DataError, match=message):
        made.read(SeriesSet.from_arrays([rows], channels=("level", "price")))


def test_other_channels_and_missing_values_are_refused():
    with pytest.raises(DataError, match="expected the channels level, got speed"):
        fitted().read(SeriesSet.from_arrays([[1.0, 2]], channels=("speed",)))
    with pytest.raises(DataError, match="series 0, step 1"):
        fitted().read(SeriesSet.from_arrays([[1.0, NAN, 2]], channels=("level",)))


def test_times_go_on_after_the_end():
    hours = 3_600.0 * np.arange(24)
    assert fitted(times=hours).calendar == (), "no part of the calendar came twice"
    whole = ("hour of the day", "day of the week", "day of the year")
    made = replace(fitted(times=hours), calendar=whole)
    given = SeriesSet.from_arrays(
        [[1.0, 2, 3]], channels=("level",), times=[5 * DAY_S + 3_600 * np.arange(3.0, 6)]
    )
    found = made.read(given)[0][VALUES].values[:, 2:8]
    expected = calendar_of(5 * DAY_S + 3_600 * np.arange(3.0, 8), made.calendar)
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_calendar_by_hand():
    quarter = calendar_of(np.array([DAY_S / 4, DAY_S / 2]), ("hour of the day",))
    assert quarter == pytest.approx(np.array([[1.0, 0.0], [0.0, -1.0]]), abs=1e-12)
    assert calendar_parts(DAY_S) == ("day of the week", "day of the year")
    assert calendar_parts(0.0) == ()


def test_naive_values_by_hand():
    past = np.array([[1.0], [2], [3], [4]])
    assert seasonal_naive(past, 5, 3)[:, 0].tolist() == [2, 3, 4, 2, 3]
    assert seasonal_naive(past, 2, 9)[:, 0].tolist() == [4, 4]
    gaps = np.array([[NAN], [2], [NAN], [NAN], [5]])
    assert carried(gaps)[:, 0].tolist() == [2, 2, 2, 2, 5]


def test_json_round_trip():
    made = fitted(known=("price",), times=3_600.0 * np.arange(24), scaling="standard")
    assert from_json(json.loads(json.dumps(made.to_json()))) == made


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("horizon", 0),
        ("window", 1 << 40),
        ("season_length", True),
        ("scaling", "robust"),
        ("missing", "drop"),
        ("channels", []),
        ("channels", ["price"]),
        ("mean", [1.0]),
        ("mean", [NAN, 1.0]),
        ("scale", [0.0, 1.0]),
        ("time_step", -1.0),
        ("calendar", ["phase of the moon"]),
        ("more", 1),
    ],
)
def test_json_of_others_is_refused(name, value):
    content = fitted(known=("price",)).to_json()
    with pytest.raises(FormatError):
        from_json(content | {name: value})
