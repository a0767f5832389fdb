"""Times of steps: numbers, or dates as seconds since 1970."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray


def seconds(text: str) -> float:
    """A time from its text.

    Args:
        text: A number; or a date in ISO 8601, with or without the time of day and its zone, where
            ``/`` may stand for ``-``. A date without a zone is meant in UTC.

    Returns:
        The number, or the seconds since 1970-01-01 00:00 UTC.

    Raises:
        ValueError: It is neither; the message says what is expected.
    """
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        if np.isfinite(number):
            return number
    try:
        date = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise ValueError("a time: a number, or a date such as 2024-05-31 12:00:00") from None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def first_not_ascending(times: NDArray[np.float64]) -> int | None:
    """The first step whose time is not after the one before, of times of shape (T,); else None."""
    wrong = ~(np.diff(times) > 0)  # also where a time is NaN
    return int(wrong.argmax()) + 1 if wrong.any() else None
