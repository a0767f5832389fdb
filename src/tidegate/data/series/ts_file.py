"""Series in the text format of the UEA and UCR archives, ``.ts``.

After a header, a line is a series: its dimensions between colons, the values of each between
commas, and last the class or the number to be predicted. ``?`` and ``NaN`` are missing values.
With ``@timeStamps true`` a value is written ``(time,value)``.

Source: https://www.aeon-toolkit.org, "Loading time series from files".
"""

import re
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.data.series.archive_lines import lines
from tidegate.data.series.raw import Progress, RawSeries, to_float32
from tidegate.data.series.times import first_not_ascending, seconds
from tidegate.data.series.ts_header import TsHeader, read_header
from tidegate.errors import DataError

_PAIR = re.compile(r"\s*\(([^(),]+(?::[^(),]+)*),([^(),]*)\)\s*(?:,|$)")
MISSING = ("?", "nan", "")


class _BadLine(ValueError):
    """Why a line is no series: what was expected and what came."""


def read_ts(path: Path, into: RawSeries, on_progress: Progress = lambda path, done: None) -> bool:
    """Add the series of a ``.ts`` file; lines that are none are counted in ``into``.

    Channels are named by their numbers. An answer ``?`` is none.

    Args:
        path: The file, plain or gzipped.
        into: Takes the series, their answers as texts, and the classes of the header.
        on_progress: Is told the share of the file that was read.

    Returns:
        Whether the answers are numbers to be predicted rather than classes.

    Raises:
        DataError: The file cannot be read, its header is none, or it has other channels or
            classes than the files before it.
    """
    coming = lines(path, on_progress)
    header = read_header(path, coming)
    first = [*islice(coming, 1)]
    width = header.num_channels or (_num_fields(first[0][1], header) if first else 1)
    channels = tuple(map(str, range(width)))
    is_first = not into.files
    into.begin(path, channels, has_times=bool(header.has_times))
    if not is_first and {*into.classes} != {*header.classes}:
        raise DataError(
            f"{path}: expected the classes of {into.files[0][1]}, {' '.join(into.classes)}, got "
            f"{' '.join(header.classes) or 'none'}; write them in the same way"
        )
    into.classes = into.classes or header.classes
    length = header.length
    with_missing = 0
    for number, line in chain(first, coming):
        try:
            values, times, answer = _series(line, header, width)
            if header.has_equal_length:
                length = length or len(values)
                _check_length(len(values), length, header)
        except _BadLine as reason:
            into.refuse(f"{path}:{number}", str(reason))
            continue
        into.add(values, number, times=times, answer=answer)
        with_missing += header.has_missing is False and bool(np.isnan(values).any())
    if header.unread:
        keys = ", ".join(f"@{key}" for key in header.unread)
        into.notes.append(f"{path}: lines of the header that are not read: {keys}")
    if with_missing:
        into.notes.append(
            f"{path}: {with_missing:,} series have missing values, though its header says "
            "@missing false"
        )
    return header.has_target


def _num_fields(line: str, header: TsHeader) -> int:
    return max(len(_split(line, header)) - header.has_answers, 1)


def _split(line: str, header: TsHeader) -> list[str]:
    if not header.has_times:
        return line.split(":")
    # Times of the day have colons, too: those between dimensions stand outside of brackets.
    return re.split(r":(?![^()]*\))", line)


def _series(
    line: str, header: TsHeader, width: int
) -> tuple[NDArray[np.float32], NDArray[np.float64] | None, str | None]:
    """The values (T, I), times (T,) and the answer of a line."""
    fields = _split(line, header)
    answer = None
    if header.has_answers:
        answer = fields.pop().strip()
        if header.classes and answer not in (*header.classes, "?"):
            raise _BadLine(
                f"expected a class of {' '.join(header.classes)}, as the header lists them, at the "
                f"end of the line, got {answer[:40]!r}"
            )
        answer = None if answer in ("", "?") else answer
    if len(fields) != width:
        says = "the header says" if header.num_channels else "the first series has"
        raise _BadLine(f"expected {width} dimensions between colons, as {says}, got {len(fields)}")
    times: NDArray[np.float64] | None = None
    columns: list[NDArray[np.float32]] = []
    for dimension, text in enumerate(fields):
        if header.has_times:
            own, values = _pairs(text, dimension)
            if times is not None and not np.array_equal(own, times):
                raise _BadLine(
                    f"expected the times of dimension 0 in every dimension, got others in "
                    f"{dimension}"
                )
            times = own
        else:
            values = _numbers(text.split(",") if text.strip() else [], dimension)
        if columns and len(values) != len(columns[0]):
            raise _BadLine(
                f"expected {len(columns[0])} values in dimension {dimension}, as dimension 0 has, "
                f"got {len(values)}"
            )
        columns.append(values)
    if not len(columns[0]):
        raise _BadLine("expected values, got none")
    return np.stack(columns, 1), times, answer


def _numbers(texts: list[str], dimension: int) -> NDArray[np.float32]:
    """Texts as numbers, NaN where missing."""
    texts = ["nan" if text.strip().lower() in MISSING else text for text in texts]
    try:
        values = to_float32(np.array(texts, np.float64))
    except ValueError:
        values = np.full(len(texts), np.inf, np.float32)
    if np.isinf(values).any():
        step = next((i for i, text in enumerate(texts) if not _is_finite(text)))
        raise _BadLine(
            f"expected finite numbers, or ? for a missing one, got {texts[step].strip()[:40]!r} in "
            f"dimension {dimension}, step {step}"
        )
    return values


def _is_finite(text: str) -> bool:
    try:
        return not np.isinf(to_float32(np.array(text, np.float64)))
    except ValueError:
        return False


def _pairs(text: str, dimension: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Times and values of ``(time,value),(time,value)``."""
    pairs, place = [], 0
    while place < len(text):
        pair = _PAIR.match(text, place)
        if pair is None:
            raise _BadLine(
                "expected (time,value) for every step, as @timeStamps true says, got "
                f"{text[place : place + 40]!r} in dimension {dimension}"
            )
        pairs.append(pair.groups())
        place = pair.end()
    try:
        times = np.array([seconds(time) for time, _ in pairs], np.float64)
    except ValueError as expected:
        raise _BadLine(f"expected {expected} in dimension {dimension}, got another") from None
    wrong = first_not_ascending(times)
    if wrong is not None:
        raise _BadLine(
            f"expected times that ascend, got {pairs[wrong][0]} after {pairs[wrong - 1][0]} in "
            f"dimension {dimension}"
        )
    return times, _numbers([value for _, value in pairs], dimension)


def _check_length(length: int, expected: int, header: TsHeader) -> None:
    if length != expected:
        says = "@seriesLength says" if header.length else "the first series has"
        raise _BadLine(f"expected {expected} values in every dimension, as {says}, got {length}")
