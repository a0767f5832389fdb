"""Gaps in regular times."""

import numpy as np
import pytest

from tidegate.data.series.gaps import fill_gaps, fill_gaps_by_step
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import DataError


def at(*times, values=None):
    values = [10.0 * time for time in times] if values is None else values
    return SeriesSet.from_arrays([values], times=[times], channels=None)


def test_missing_steps_become_missing_values():
    filled, notes = fill_gaps(at(0, 1, 2, 5, 6, 8))
    expected = [0, 10, 20, np.nan, np.nan, 50, 60, np.nan, 80]
    assert np.array_equal(filled.values[0][:, 0], expected, equal_nan=True)
    assert filled.times_of(0).tolist() == [*range(9)]
    assert notes == ("2 gaps in time of 3 steps in all are filled with missing values",)


def test_each_series_keeps_its_own_steps():
    series = SeriesSet.from_arrays(
        [[1.0, 2, 3], [4.0, 5, 6]], times=[[0, 1, 3], [7, 8, 9]], ids=("a", "b")
    )
    filled, _ = fill_gaps(series)
    assert np.array_equal(filled.values[0][:, 0], [1, 2, np.nan, 3], equal_nan=True)
    assert filled.values[1][:, 0].tolist() == [4, 5, 6]
    assert filled.times_of(1).tolist() == [7, 8, 9]
    assert filled.ids == ("a", "b")


def test_covariates_are_carried_into_a_gap():
    series = at(0, 1, 2, 4, values=np.array([[1.0, 7], [2, 8], [3, 9], [4, 6]]))
    filled, notes = fill_gaps(series, num_known=1)
    assert np.array_equal(filled.values[0][:, 0], [1, 2, 3, np.nan, 4], equal_nan=True)
    assert filled.values[0][:, 1].tolist() == [7, 8, 9, 9, 6]
    assert "what is known ahead is carried forward there" in notes[0]


def test_regular_times_stay():
    series = at(0, 1, 2)
    assert fill_gaps(series) == (series, ())


def test_months_are_regular_and_irregular_times_are_told():
    days = np.cumsum([0, 31, 28, 31, 30, 31, 30])
    assert fill_gaps(at(*days.tolist()))[1] == ()
    series = at(0, 1, 2, 3.5, 5, 6.4)
    filled, notes = fill_gaps(series)
    assert filled is series
    assert "times are irregular" in notes[0]


def test_a_gap_of_years_between_minutes_is_refused():
    with pytest.raises(DataError, match=r"gaps of 999,997 steps in all, the longest of 999,998"):
        fill_gaps(at(0, 1, 2, 1_000_000))


def test_a_series_is_filled_by_a_given_step_whoever_is_beside():
    series = SeriesSet.from_arrays(
        [[1.0, 2, 3], [4.0, 5, 6], [7.0, 8, 9], [1.0]],
        times=[[0, 2, 6], [7, 9, 11], [0, 1.4, 2.9], [4]],
    )
    filled = fill_gaps_by_step(series, 2.0)
    assert np.array_equal(filled.values[0][:, 0], [1, 2, np.nan, 3], equal_nan=True)
    assert [filled.values[row][:, 0].tolist() for row in (1, 2, 3)] == [[4, 5, 6], [7, 8, 9], [1]]
    assert filled.times_of(2).tolist() == [0, 1.4, 2.9]
    for row in range(len(series)):
        alone = fill_gaps_by_step(series.take([row]), 2.0)
        assert np.array_equal(alone.values[0], filled.values[row], equal_nan=True)
    assert fill_gaps_by_step(series.take([1, 2, 3]), 2.0).num_steps == 7
    assert fill_gaps_by_step(series, 0.0) is series
    with pytest.raises(DataError, match=r"series 0: expected times in steps of about 0.1, as in"):
        fill_gaps_by_step(series, 0.1)
