"""The dates that follow others: months and years are no fixed number of seconds."""

import numpy as np
from numpy.typing import NDArray

from tidegate.data.preprocessing.calendar import DAY_S, YEAR_S

MONTH_S = YEAR_S / 12
LEAST_STEP_S = 28 * DAY_S
"""The shortest month; shorter steps are so many seconds."""
LOOKED_AT = 24
"""The last dates, whose day of the month is compared."""


def dates_after(times: NDArray[np.float64], time_step: float, count: int) -> NDArray[np.float64]:
    """The next dates, (count,), in seconds since 1970.

    Steps of one or more months go on by the calendar where the dates are on one day of the month,
    or all at the end of one; other steps are of equal length.

    Args:
        times: The dates so far, seconds since 1970, at least one.
        time_step: The time between two of them, in seconds.
        count: How many follow.
    """
    equal = times[-1] + time_step * np.arange(1, count + 1)
    if time_step < LEAST_STEP_S:
        return np.asarray(equal)
    last = times[-LOOKED_AT:]
    seconds = last % DAY_S
    days = np.floor(last / DAY_S).astype(np.int64).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    numbers = (days - months.astype("datetime64[D]")).astype(np.int64)
    is_end = (days + 1).astype("datetime64[M]") > months
    per_step = round(time_step / MONTH_S)
    apart = np.diff(months).astype(np.int64)
    is_regular = bool((apart % per_step == 0).all())
    if not is_regular or np.ptp(seconds) > 0 or not (is_end.all() or np.ptp(numbers) == 0):
        return np.asarray(equal)
    following = months[-1] + per_step * np.arange(1, count + 1)
    ends = (following + 1).astype("datetime64[D]") - 1
    dates = ends
    if not is_end.all():
        dates = np.minimum(following.astype("datetime64[D]") + numbers[-1], ends)
    return np.asarray(dates.astype(np.int64) * DAY_S + seconds[-1])
