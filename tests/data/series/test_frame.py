"""Data frames in the long format."""

import numpy as np
import pytest

from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.given import series_of
from tidegate.errors import DataError

COLUMNS = SeriesColumns("unit", "when", ("a", "b"))
DATES = ["2020-01-02", "2020-01-01", "2020-01-03"]


@pytest.fixture
def frame():
    """Makes a frame of pandas."""
    pandas = pytest.importorskip("pandas")

    def making(**more):
        columns = {"unit": [2, 1, 2], "when": pandas.to_datetime(DATES), "a": [1, 2, 3]}
        return pandas.DataFrame({**columns, "b": [0.5, np.nan, 2], **more})

    return making


@pytest.mark.parametrize("columns", [COLUMNS, SeriesColumns(time="when", values=("a", "b"))])
def test_rows_are_steps(frame, columns):
    series = series_of(frame(), columns=columns, where="predict")
    np.testing.assert_array_equal(series.values.values, [[1, 0.5], [3, 2], [2, np.nan]])
    assert (series.ids, series.channels) == (("2", "1"), ("a", "b"))
    assert series.times.tolist() == [1_577_923_200, 1_578_009_600, 1_577_836_800]


def test_channels_of_a_model_are_taken_in_their_order(frame):
    series = series_of(frame(), ("b", "a"), SeriesColumns("unit", "when"), where="predict")
    assert series.values.values[0].tolist() == [0.5, 1]
    with pytest.raises(DataError, match=r"predict: values: expected a column of predict .*'c'"):
        series_of(frame(), ("a", "c"), SeriesColumns("unit", "when"), where="predict")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"a": [1, np.inf, 2]}, "fit, row 1: expected a finite number, .* column a, got 'inf'"),
        ({"a": [1, "x", 2]}, "fit, row 1: expected a number, .* column a, got 'x'"),
        ({"when": [2, 1, 2]}, "fit, row 2: expected times .* got 2 after 2 in line 0"),
        ({"when": ["noon"] * 3}, "fit, row 0: expected a time: .*column when, got 'noon'"),
    ],
)
def test_rows_that_are_none(frame, more, message):
    with pytest.raises(DataError, match=message):
        series_of(frame(**more), columns=COLUMNS, where="fit")


def test_a_frame_without_series_or_times_is_refused(frame):
    with pytest.raises(DataError, match="fit: expected a data frame with a row a step"):
        series_of(frame()[["a", "b"]], where="fit")


class Polars:
    """What is used of a frame of polars, whose columns are a list."""

    columns = ("unit", "a")
    shape = (2, 2)

    def __getitem__(self, name):
        return self

    def to_numpy(self):
        return np.array([3, 3])

    def __len__(self):
        return 2


def test_other_frames_are_read_by_what_they_can_do():
    series = series_of(Polars(), where="fit")
    assert (series.ids, series.channels) == (("3",), ("a",))
    assert series.values.values.tolist() == [[3], [3]]
