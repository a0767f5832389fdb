"""Times of the rows of a forecast."""

import numpy as np

from tidegate.inference.forecast_rows import _times_ahead

MONTHS = np.array(["2022-11-01", "2022-12-01", "2023-01-01", "2023-02-01"], "datetime64[s]")
STEP = 31 * 86_400.0


def test_dates_go_on_by_the_calendar_and_numbers_by_equal_steps():
    times = MONTHS.astype(np.float64)
    ahead = _times_ahead(times[:2], 2, STEP, 2, has_dates=True)
    assert ahead is not None
    assert ahead.tolist() == times[2:].tolist()
    ahead = _times_ahead(np.array([3.0, 4]), 2, 1.0, 2, has_dates=False)
    assert ahead is not None
    assert ahead.tolist() == [5, 6]


def test_rows_of_the_future_have_times_of_their_own():
    times = MONTHS.astype(np.float64)
    ahead = _times_ahead(times, 2, 1.0, 2, has_dates=True)
    assert ahead is not None
    assert ahead.tolist() == times[2:].tolist()
    assert _times_ahead(None, 2, 1.0, 2, has_dates=False) is None
