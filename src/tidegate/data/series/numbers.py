"""Numbers out of the fields of tables: texts, or what JSON and parquet have."""

import math
from typing import Any

import numpy as np

MISSING = frozenset({"", "?", "nan", "na", "n/a", "null", "none"})
"""Texts, in any case, that stand for a missing value."""
_MOST = float(np.finfo(np.float32).max)


def number_of(value: Any) -> float:
    """A value of a channel; NaN where it is missing.

    Raises:
        ValueError: It is no number, or none that float32 can hold; the message goes on
            "expected".
    """
    if value is None:
        return math.nan
    if isinstance(value, str) and value.strip().lower() in MISSING:
        return math.nan
    try:
        if isinstance(value, str) and "_" in value:  # Python reads 1_000, other readers do not
            raise ValueError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("a number, or none where it is missing") from None
    if abs(number) > _MOST:  # not where it is NaN
        raise ValueError("a finite number, or none where it is missing")
    return number


def is_number(value: Any) -> bool:
    """Whether a value is a number, or missing."""
    try:
        number_of(value)
    except ValueError:
        return False
    return True
