"""The calendar as numbers: hour, weekday and day of the year on circles."""

import numpy as np
from numpy.typing import NDArray

HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S
WEEK_S = 7 * DAY_S
YEAR_S = 365.2425 * DAY_S

_PERIODS = {"hour of the day": DAY_S, "day of the week": WEEK_S, "day of the year": YEAR_S}


def calendar_parts(time_step: float, span: float = np.inf) -> tuple[str, ...]:
    """The parts of the calendar that differ between steps, and that come again.

    Args:
        time_step: The time between two steps, in seconds; at least two fit into a period.
        span: The longest time that a training series lasts, in seconds; two periods fit into it:
            of one alone, such as the only summer, a network cannot tell what will come again.
    """
    return tuple(
        name
        for name, period in _PERIODS.items()
        if 0 < time_step <= period / 2 and 2 * period <= span
    )


def calendar_of(times: NDArray[np.float64], parts: tuple[str, ...]) -> NDArray[np.float64]:
    """Sine and cosine of the place of each time in each period, (T, 2 * number of parts).

    Args:
        times: Seconds since 1970, (T,).
        parts: Names of :func:`calendar_parts`.
    """
    angles = np.stack([2 * np.pi * (times / _PERIODS[name] % 1) for name in parts], 1)
    return np.concatenate([np.sin(angles), np.cos(angles)], 1)
