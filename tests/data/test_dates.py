"""Dates after others, by the calendar."""

import numpy as np
import pytest

from tidegate.data.preprocessing.dates import dates_after


def seconds(*dates):
    return np.array(dates, "datetime64[s]").astype(np.float64)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2022-11-01", "2022-12-01"], ["2023-01-01", "2023-02-01", "2023-03-01"]),
        (["2023-10-31", "2023-11-30", "2023-12-31"], ["2024-01-31", "2024-02-29", "2024-03-31"]),
        (["2023-09-15T06", "2023-10-15T06"], ["2023-11-15T06", "2023-12-15T06", "2024-01-15T06"]),
        (["2023-04-01", "2023-07-01"], ["2023-10-01", "2024-01-01", "2024-04-01"]),
        (["2019-01-01", "2020-01-01"], ["2021-01-01", "2022-01-01", "2023-01-01"]),
        # No months, but so many seconds.
        (["2023-01-01", "2023-01-31"], ["2023-03-02", "2023-04-01", "2023-05-01"]),
        (["2023-03-01T00", "2023-03-01T06"], ["2023-03-01T12", "2023-03-01T18", "2023-03-02"]),
    ],
    ids=["months", "ends", "middles", "quarters", "years", "thirty-days", "hours"],
)
def test_next_dates(dates, expected):
    times = seconds(*dates)
    step = float(np.median(np.diff(times)))
    assert dates_after(times, step, 3).tolist() == seconds(*expected).tolist()


def test_one_date_of_monthly_data():
    step = 31 * 86_400.0
    expected = seconds("2023-02-28", "2023-03-28", "2023-04-28").tolist()
    assert dates_after(seconds("2023-01-28"), step, 3).tolist() == expected
