"""Series as the numbers that a network reads, against plain loops."""

import json

import numpy as np
import pytest

from tidegate.data import preprocessing
from tidegate.data.preprocessing.series import (
    VALUES,
    SeriesOptions,
    SeriesPreprocessor,
    constant_channels,
    parts_of,
)
from tidegate.data.series import SeriesSet
from tidegate.errors import DataError, FormatError

NAN = np.nan
LENGTHS = (5, 1, 8)


def made(seed=0, missing=0.0, times=False):
    """Three series of two channels, of other levels and spreads."""
    draws = np.random.default_rng(seed)
    arrays = [draws.normal((3, -70), (2, 40), (length, 2)) for length in LENGTHS]
    for array in arrays:
        array[draws.random(array.shape) < missing] = NAN
    clocks = [np.cumsum(draws.integers(1, 9, length)) * 10.0 for length in LENGTHS]
    return SeriesSet.from_arrays(arrays, channels=("a", "b"), times=clocks if times else None)


def fitted(series, **options):
    return SeriesPreprocessor.fit(series, SeriesOptions(**options))


def rows(series, **options):
    return fitted(series, **options).transform(series)[VALUES]


def test_standard_scaling_is_by_the_training_parts_mean_and_deviation():
    series = made()
    preprocessor = fitted(series)
    values = series.values.values.astype(np.float64)
    assert preprocessor.mean == pytest.approx(values.mean(0))
    assert preprocessor.scale == pytest.approx(values.std(0))
    other = made(seed=1)
    expected = (other.values.values - values.mean(0)) / values.std(0)
    np.testing.assert_allclose(preprocessor.transform(other)[VALUES].values, expected, rtol=1e-5)


def test_missing_values_have_no_say_in_the_scaling():
    series = made(missing=0.3)
    preprocessor = fitted(series, missing="carry")
    assert preprocessor.mean == pytest.approx(np.nanmean(series.values.values, 0), rel=1e-5)
    assert preprocessor.scale == pytest.approx(np.nanstd(series.values.values, 0), rel=1e-5)


def test_instance_scaling_is_by_each_series_alone():
    series = made()
    scaled = rows(series, scaling="instance")
    for row in range(len(series)):
        if len(series.values[row]) > 1:
            np.testing.assert_allclose(scaled[row].mean(0), 0, atol=1e-6)
            np.testing.assert_allclose(scaled[row].std(0), 1, rtol=1e-5)
    assert (scaled[1] == 0).all(), "a single step has no deviation"
    assert fitted(series, scaling="instance").looks_ahead
    assert not fitted(series).looks_ahead


def test_a_channel_of_one_value_is_not_divided_by_nothing():
    series = SeriesSet.from_arrays([[[1, 0.1], [2, 0.1]], [[3, 0.1]]])
    assert constant_channels(series) == ("1",)
    preprocessor = fitted(series)
    assert preprocessor.scale[1] == 1
    np.testing.assert_allclose(preprocessor.transform(series)[VALUES].values[:, 1], 0, atol=1e-6)


def test_changes_begin_anew_with_every_series():
    series = made()
    preprocessor = fitted(series, differences=True)
    read = preprocessor.transform(series)[VALUES]
    assert preprocessor.input_size == read.values.shape[1] == 4
    changes = np.concatenate(
        [np.diff(read[row][:, :2], axis=0, prepend=read[row][:1, :2]) for row in range(3)]
    )
    unit = np.sqrt((changes.astype(np.float64) ** 2).sum(0) / (sum(LENGTHS) - 3))
    assert preprocessor.change_scale == pytest.approx(unit, rel=1e-5)
    np.testing.assert_allclose(read.values[:, 2:], changes / unit, rtol=1e-5, atol=1e-6)


def reference(series, preprocessor):
    """The columns of ``missing=mask`` and ``time=difference``, step by step."""
    result = []
    for row in range(len(series)):
        times = series.times_of(row)
        last, seen = [0.0, 0.0], [0, 0]
        for step, values in enumerate(series.values[row]):
            clock = step if times is None else (times - times[0])[step] / preprocessor.time_unit
            before = 0 if not step else (times - times[0])[step - 1] / preprocessor.time_unit
            line = []
            for channel, value in enumerate(values):
                if not np.isnan(value):
                    mean, scale = preprocessor.mean[channel], preprocessor.scale[channel]
                    last[channel], seen[channel] = (value - mean) / scale, clock
                line.append(last[channel])
            line += [float(not np.isnan(value)) for value in values]
            line += [np.log1p(clock - seen[channel]) for channel in range(2)]
            result.append([*line, np.log1p(clock - before)])
    return np.array(result)


def test_missing_values_are_carried_marked_and_dated():
    series = made(missing=0.4, times=True)
    preprocessor = fitted(series, missing="mask", time="difference")
    read, reading = preprocessor.read(series)
    assert preprocessor.input_size == 7
    np.testing.assert_allclose(
        read[VALUES].values, reference(series, preprocessor), rtol=1e-4, atol=1e-5
    )
    missing = int(np.isnan(series.values.values).sum())
    assert (reading.series, reading.steps, reading.values, reading.missing) == (3, 14, 28, missing)
    carried = fitted(series, missing="carry").transform(series)[VALUES].values
    np.testing.assert_array_equal(carried, read[VALUES].values[:, :2])


def test_the_unit_of_time_is_the_median_step_within_series():
    times = [[0, 10, 20, 50], [1000, 1010]]
    series = SeriesSet.from_arrays([np.zeros(4), np.zeros(2)], times=times)
    assert fitted(series, time="difference").time_unit == 10


@pytest.mark.parametrize("scaling", ["standard", "instance", "none"])
def test_what_is_read_does_not_depend_on_the_company(scaling):
    series = made(missing=0.3, times=True)
    preprocessor = fitted(
        series, scaling=scaling, missing="mask", time="difference", differences=True
    )
    together = preprocessor.transform(series)[VALUES]
    for row in range(len(series)):
        alone = preprocessor.transform(series.take([row]))[VALUES]
        assert alone.values.tobytes() == np.ascontiguousarray(together[row]).tobytes()


def test_a_series_without_steps_is_read():
    series = SeriesSet.from_arrays([np.zeros((0, 2)), [[1.0, 2.0]], np.zeros((0, 2))])
    options = {"missing": "mask", "differences": True}
    for scaling in ("standard", "instance"):
        read = rows(series, scaling=scaling, **options)
        assert read.lengths().tolist() == [0, 1, 0]


def test_missing_values_are_refused_with_their_place():
    series = SeriesSet.from_arrays(
        [[[1, 2]], [[1, 2], [3, NAN]]], channels=("up", "down"), ids=("x", "y")
    )
    with pytest.raises(DataError, match="series y, step 1, channel down: .*series.missing=mask"):
        rows(series)


def test_infinite_values_are_refused_with_their_place():
    with pytest.raises(
        DataError, match="series 1, step 0, channel 1: expected a finite .* got inf"
    ):
        SeriesSet.from_arrays([[[1, 2]], [[1, 1e39]]])


def test_other_channels_are_refused_by_name():
    preprocessor = fitted(made())
    other = SeriesSet.from_arrays([[[1.0]]], channels=("a",))
    with pytest.raises(DataError, match="expected the channels a, b, got a; b is missing"):
        preprocessor.transform(other)
    with pytest.raises(DataError, match="expected the time of every step"):
        fitted(made(times=True), time="difference").transform(made())


def test_json_brings_it_back():
    series = made(missing=0.2, times=True)
    before = fitted(series, missing="mask", time="difference", differences=True)
    after = preprocessing.from_json(json.loads(json.dumps(before.to_json())))
    assert after == before
    assert "2 channels (a, b)" in after.describe()


HOSTILE = {
    "no such scaling": ({"scaling": "log"}, "scaling of standard, instance, none"),
    "fewer means": ({"mean": [0.0]}, "as many means and scales as channels"),
    "a scale of 0": ({"scale": [0.0, 1.0]}, "scales above 0"),
    "a channel twice": ({"channels": ["a", "a"]}, "distinct channels"),
    "an unknown key": ({"code": "x"}, "code"),
    "a text for a number": ({"time_unit": "1"}, "time_unit"),
    "no channels": (
        {"channels": [], "mean": [], "scale": [], "change_scale": []},
        "as many means and scales",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_json_is_refused(name):
    change, message = HOSTILE[name]
    content = {**fitted(made()).to_json(), **change}
    with pytest.raises(FormatError, match=message):
        preprocessing.from_json(content)


def test_parts_have_all_series_in_order(monkeypatch):
    monkeypatch.setattr("tidegate.data.preprocessing.series._AT_ONCE", 6)
    series = made()
    parts = [*parts_of(series)]
    assert [len(part) for part in parts] == [2, 1]
    joined = np.concatenate([part.values.values for part in parts])
    np.testing.assert_array_equal(joined, series.values.values)
