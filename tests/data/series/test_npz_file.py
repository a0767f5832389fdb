"""Files of NumPy arrays: shapes, answers, and arrays that do not fit."""

import numpy as np
import pytest

from tidegate.data.series.npz_file import read_npz
from tidegate.data.series.raw import RawSeries
from tidegate.errors import DataError

STACKED = np.arange(12.0).reshape(2, 3, 2)


@pytest.fixture
def read(tmp_path):
    """Writes arrays as a file and reads it; gives the rows."""

    def reading(**arrays):
        np.savez_compressed(tmp_path / "x.npz", **arrays)
        rows = RawSeries()
        read_npz(tmp_path / "x.npz", rows)
        return rows

    return reading


@pytest.mark.parametrize(
    ("arrays", "values", "offsets"),
    [
        ({"X": STACKED}, STACKED.reshape(6, 2), [0, 3, 6]),
        ({"X": STACKED, "lengths": [1, 3]}, STACKED.reshape(6, 2)[[0, 3, 4, 5]], [0, 1, 4]),
        ({"X": STACKED[:, :, 0]}, STACKED[:, :, :1].reshape(6, 1), [0, 3, 6]),
        ({"X": np.arange(3), "lengths": [2, 1]}, [[0], [1], [2]], [0, 2, 3]),
        ({"X": [[1, 2], [3, np.nan]], "lengths": [2]}, [[1, 2], [3, np.nan]], [0, 2]),
    ],
)
def test_series_in_all_shapes(read, arrays, values, offsets):
    series = read(**arrays).series()
    np.testing.assert_array_equal(series.values.values, np.asarray(values, np.float32))
    assert series.values.offsets.tolist() == offsets


def test_answers_names_and_times(read):
    rows = read(
        X=STACKED,
        y=["a", "b"],
        lengths=[2, 3],
        times=[[0, 2, 9], [5, 6, 7]],
        channels=["u", "v"],
        ids=["s", "t"],
    )
    assert rows.answers == ["a", "b"]
    series = rows.series()
    assert (series.channels, series.ids) == (("u", "v"), ("s", "t"))
    assert series.times.tolist() == [0, 2, 5, 6, 7]
    assert read(X=STACKED, y=np.array([[1, 0], [1, 1]])).answers == [(1, 0), (1, 1)]
    assert read(X=STACKED).answers == [None, None]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"Z": STACKED}, "expected an array X"),
        ({"X": np.zeros(3)}, r"expected X of shape \(number of series, steps, channels\)"),
        ({"X": ["a"]}, "expected numbers in X, got <U1"),
        ({"X": STACKED, "lengths": [3, 4]}, "expected 2 lengths from 1 to 3"),
        ({"X": STACKED, "lengths": [3]}, "expected 2 lengths from 1 to 3"),
        ({"X": STACKED, "lengths": [0.5, 1]}, "expected lengths of shape"),
        ({"X": STACKED[0], "lengths": [1, 1]}, "expected lengths above 0 that add up to the 3"),
        ({"X": STACKED, "y": [1]}, "expected y with an answer for each of 2 series"),
        ({"X": STACKED, "channels": ["u"]}, "expected 2 different names in channels"),
        ({"X": STACKED, "times": [1, 2, 3]}, r"expected times of shape \(2, 3\)"),
        (
            {"X": STACKED, "times": [[1, 2, 3], [1, 1, 2]]},
            "series 1, step 1: expected times that ascend, got 1.0 after 1.0",
        ),
        (
            {"X": np.where(STACKED == 9, np.inf, STACKED)},
            "series 1, step 1, channel 1: expected a finite number",
        ),
    ],
)
def test_arrays_that_do_not_fit(read, arrays, message):
    with pytest.raises(DataError, match=message):
        read(**arrays)


def test_objects_are_not_read(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, X=np.array([[1], [1, 2]], object))
    with pytest.raises(DataError, match="expected numbers or texts in X, got Python objects"):
        read_npz(path, RawSeries())


@pytest.mark.parametrize("kept", [0, 0.5, 0.99])
def test_half_a_file(tmp_path, kept):
    path = tmp_path / "x.npz"
    np.savez(path, X=np.arange(3000.0).reshape(3, 1000))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(DataError, match=r"x\.npz: expected a whole \.npz file"):
        read_npz(path, RawSeries())


def test_damaged_values(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, X=np.arange(3000.0).reshape(3, 1000))
    content = bytearray(path.read_bytes())
    content[5000] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match="one that ends or breaks"):
        read_npz(path, RawSeries())


def test_a_header_that_lies_takes_no_memory(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, X=np.zeros((3, 1000)))
    content = path.read_bytes().replace(b"(3, 1000), }    ", b"(3, 1000000), } ")
    path.write_bytes(content)
    with pytest.raises(DataError, match="of shape"):
        read_npz(path, RawSeries())


def test_no_file(tmp_path):
    with pytest.raises(DataError, match="expected a file, got nothing there"):
        read_npz(tmp_path / "x.npz", RawSeries())
