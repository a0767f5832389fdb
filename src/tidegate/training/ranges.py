"""Ranges of numbers that a recipe's values must lie in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """The numbers from ``low`` to ``high``, without an end that is open; never NaN."""

    low: float
    high: float
    low_is_open: bool = False
    high_is_open: bool = False

    def __contains__(self, value: float) -> bool:
        is_above = self.low < value if self.low_is_open else self.low <= value
        is_below = value < self.high if self.high_is_open else value <= self.high
        return is_above and is_below

    def __str__(self) -> str:
        """The range in a message: ``at least 1 and at most 1,000``."""
        low = "above" if self.low_is_open else "at least"
        high = "below" if self.high_is_open else "at most"
        return f"{low} {self._number(self.low)} and {high} {self._number(self.high)}"

    @staticmethod
    def _number(value: float) -> str:
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"


SHARE = Range(0, 1, high_is_open=True)
"""From 0 to below 1."""
IDS = 2**31 - 1
"""The most ids that a vocabulary can have: they are signed 32-bit integers."""
