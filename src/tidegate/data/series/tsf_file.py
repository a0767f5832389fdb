"""Series to forecast in the text format of the Monash archive, ``.tsf``.

After a header, a line is a series: its attributes and then its values, between colons; values are
between commas, ``?`` is missing. The attribute ``start_timestamp`` and the frequency say when each
value was.

Source: R. Godahewa et al., "Monash Time Series Forecasting Archive", NeurIPS 2021,
arXiv:2105.06643.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.data.series.archive_lines import lines
from tidegate.data.series.raw import Progress, RawSeries, to_float32
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import DataError

CHANNEL = "value"
_DAY = 86_400.0
_SECONDS = {
    "seconds": 1.0,
    "secondly": 1.0,
    "minutes": 60.0,
    "minutely": 60.0,
    "hours": 3_600.0,
    "hourly": 3_600.0,
    "half_hourly": 1_800.0,
    "daily": _DAY,
    "weekly": 7 * _DAY,
}
_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
_COUNTED = re.compile(r"(\d+)_(seconds|minutes|hours)")
_START = "%Y-%m-%d %H-%M-%S"


@dataclass
class TsfHeader:
    """What the header of a file says."""

    attributes: list[tuple[str, str]] = field(default_factory=list)
    """Names and types (string, numeric or date) of what stands before the values."""
    frequency: str | None = None
    horizon: int | None = None
    """The number of values to be predicted."""
    has_equal_length: bool = False


@dataclass(frozen=True)
class TsfFile:
    """The series of a file, and what it says of them."""

    series: SeriesSet
    """With names and, where the file has a frequency and their beginnings, times."""
    frequency: str | None
    horizon: int | None


def read_tsf(path: Path, on_progress: Progress = lambda path, done: None) -> TsfFile:
    """Read a ``.tsf`` file.

    Raises:
        DataError: The file cannot be read, its header is none, or a line is no series; with its
            line.
    """
    coming = lines(path, on_progress)
    header = _header(path, coming)
    names = [name for name, _ in header.attributes]
    start = names.index("start_timestamp") if "start_timestamp" in names else None
    has_times = start is not None and header.frequency is not None
    rows = RawSeries()
    rows.begin(path, (CHANNEL,), has_times=has_times)
    lengths: set[int] = set()
    for number, line in coming:
        where = f"{path}:{number}"
        fields = line.split(":")
        if len(fields) != len(names) + 1:
            raise DataError(
                f"{where}: expected {', '.join(names)} and then the values, between colons, got "
                f"{len(fields)} fields"
            )
        values = _values(fields[-1], where)
        lengths.add(len(values))
        if header.has_equal_length and len(lengths) > 1:
            raise DataError(
                f"{where}: expected {len(rows.series().values[0])} values, as the first series "
                f"has and @equallength true says, got {len(values)}"
            )
        times = None
        if has_times and start is not None and header.frequency is not None:
            times = _times(fields[start], header.frequency, len(values), where)
        id = fields[names.index("series_name")] if "series_name" in names else str(len(rows))
        rows.add(values, number, times=times, id=id)
    if not len(rows):
        raise DataError(f"{path}: expected series after @data, got none")
    return TsfFile(rows.series(), header.frequency, header.horizon)


def _header(path: Path, coming: Iterator[tuple[int, str]]) -> TsfHeader:
    header = TsfHeader()
    for number, line in coming:
        where = f"{path}:{number}"
        key, *words = line.removeprefix("@").split() or [""]
        key = key.lower()
        if not line.startswith("@"):
            break
        if key == "data":
            return header
        if key == "attribute":
            if len(words) != 2 or words[1] not in ("string", "numeric", "date"):
                raise DataError(
                    f"{where}: expected a name and string, numeric or date behind @attribute, got "
                    f"{' '.join(words)!r}"
                )
            header.attributes.append((words[0], words[1]))
        elif key == "frequency":
            header.frequency = words[0].lower() if words else None
            if header.frequency is not None:
                _check_frequency(header.frequency, where)
        elif key == "horizon":
            if len(words) != 1 or not words[0].isdecimal() or int(words[0]) < 1:
                raise DataError(
                    f"{where}: expected a number above 0 behind @horizon, got {' '.join(words)!r}"
                )
            header.horizon = int(words[0])
        elif key == "equallength":
            header.has_equal_length = words[:1] == ["true"]
    raise DataError(
        f"{path}: expected a header with @data before the series, as .tsf files of the Monash "
        "archive have it, got none"
    )


def _check_frequency(frequency: str, where: str) -> None:
    if frequency not in _SECONDS and frequency not in _MONTHS and not _COUNTED.fullmatch(frequency):
        raise DataError(
            f"{where}: expected a frequency of {', '.join([*_SECONDS, *_MONTHS])}, or one such as "
            f"10_minutes, got {frequency!r}"
        )


def _values(text: str, where: str) -> NDArray[np.float32]:
    """The values, (T, 1)."""
    texts = ["nan" if one.strip() in ("?", "") else one for one in text.split(",")]
    for step, one in enumerate(texts):
        try:
            is_finite = not np.isinf(to_float32(np.array(one, np.float64)))
        except ValueError:
            is_finite = False
        if not is_finite:
            raise DataError(
                f"{where}: expected finite numbers, or ? for a missing one, got {one[:40]!r} in "
                f"step {step}"
            )
    return to_float32(np.array(texts, np.float64))[:, None]


def _times(start: str, frequency: str, count: int, where: str) -> NDArray[np.float64]:
    """Seconds since 1970 of every step, (T,); months, quarters and years have their own lengths."""
    try:
        first = datetime.strptime(start.strip(), _START).replace(tzinfo=UTC)
    except ValueError:
        raise DataError(
            f"{where}: expected a start_timestamp such as 1999-12-31 00-00-00, got {start!r}"
        ) from None
    # Not datetime.timestamp: steps may go on beyond the year 9999.
    begin: float = (first - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)
    steps = np.arange(count)
    if frequency in _MONTHS:
        months = first.year * 12 + first.month - 1 - 1970 * 12 + steps * _MONTHS[frequency]
        firsts = months.astype("datetime64[M]").astype("datetime64[s]").astype(np.float64)
        return np.asarray(firsts + (begin - firsts[0]))
    counted = _COUNTED.fullmatch(frequency)
    period = int(counted[1]) * _SECONDS[counted[2]] if counted else _SECONDS[frequency]
    return np.asarray(begin + steps * period, np.float64)
