"""Series in an ``.npz`` file of NumPy arrays.

``X`` is (number of series, steps, channels), or (number of series, steps) of one channel; or, with
``lengths``, (number of series,), all steps one after the other, (P, channels) or (P,). With
``lengths`` and three dimensions only the first steps of each series count. Optional are ``y``,
(number of series,) or (number of series, answers); ``times``, of the shape of ``X`` without
channels; ``channels``, their names; and ``ids``, the names of the series.
"""

import os
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tidegate.data.ragged import offsets_of
from tidegate.data.series.raw import RawSeries, to_float32
from tidegate.data.series.times import first_not_ascending
from tidegate.errors import DataError
from tidegate.storage import regular

NAMES = ("X", "y", "lengths", "times", "channels", "ids")
_CHECKED_AT_ONCE = 1 << 20
"""Steps."""


def read_npz(path: Path, into: RawSeries) -> None:
    """Add the series of an ``.npz`` file, with ``y`` as their answers.

    Raises:
        DataError: The file is damaged, has no ``X`` or arrays that do not fit it, objects instead
            of numbers, an infinite value, or times that do not ascend.
    """
    arrays = _arrays(path)
    if "X" not in arrays:
        raise DataError(
            f"{path}: expected an array X with the values of the series, got "
            f"{', '.join(arrays) or 'none'}"
        )
    values, times, lengths = _flat(path, arrays)
    channels = _names(path, arrays.get("channels"), "channels", values.shape[1])
    ids = None if "ids" not in arrays else _names(path, arrays["ids"], "ids", len(lengths))
    answers = _answers(path, arrays.get("y"), len(lengths))
    offsets = offsets_of(lengths)
    _check(path, values, times, offsets, channels)
    into.begin(path, channels, has_times=times is not None)
    into.add_steps(values, times)
    for row, length in enumerate(lengths.tolist()):
        into.end(length, row + 1, answer=answers[row], id=None if ids is None else ids[row])


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of known names.

    Raises:
        DataError: There is no such file, or it is damaged.
    """
    try:
        with (
            os.fdopen(regular.open_regular(path, follow=True), "rb") as file,
            zipfile.ZipFile(file) as archive,
        ):
            return {
                name: _array(path, archive, f"{name}.npy")
                for name in NAMES
                if f"{name}.npy" in archive.namelist()
            }
    except FileNotFoundError:
        raise DataError(f"{path}: expected a file, got nothing there") from None
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        if isinstance(error, DataError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: expected arrays in an .npz file, got: {reason}") from error
    except (zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path}: expected a whole .npz file, got one that ends or breaks: {error}; copy it "
            "again"
        ) from error


def _array(path: Path, archive: zipfile.ZipFile, member: str) -> NDArray[Any]:
    """One array, of which the header and the size in the archive agree."""
    size = archive.getinfo(member).file_size
    with archive.open(member) as file:
        shape, dtype = _header(file)
        if dtype.hasobject:
            raise DataError(
                f"{path}: expected numbers or texts in {member.removesuffix('.npy')}, got Python "
                "objects, which are not read from files; save series of unequal lengths as X with "
                "all steps one after the other, and lengths"
            )
        if min(shape, default=0) < 0 or file.tell() + prod(shape) * dtype.itemsize != size:
            raise DataError(
                f"{path}: expected {member} of shape {shape} and {dtype}, got {size:,} bytes"
            )
    with archive.open(member) as file:
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
        return array


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _flat(
    path: Path, arrays: dict[str, NDArray[Any]]
) -> tuple[NDArray[np.float32], NDArray[np.float64] | None, NDArray[np.int64]]:
    """Values (P, I), times (P,) and lengths (number of series,)."""
    x, lengths, times = arrays["X"], arrays.get("lengths"), arrays.get("times")
    if x.dtype.kind not in "biuf":
        raise DataError(f"{path}: expected numbers in X, got {x.dtype}")
    if lengths is not None and (lengths.ndim != 1 or lengths.dtype.kind not in "iu"):
        raise DataError(
            f"{path}: expected lengths of shape (number of series,) and an integer type, got "
            f"{lengths.shape} and {lengths.dtype}"
        )
    counts = None if lengths is None else lengths.astype(np.int64)
    if x.ndim == 3 or (x.ndim == 2 and counts is None):
        stacked = x if x.ndim == 3 else x[:, :, None]
        num_series, steps = stacked.shape[:2]
        counts = np.full(num_series, steps, np.int64) if counts is None else counts
        if len(counts) != num_series or (counts < 1).any() or (counts > steps).any():
            raise DataError(
                f"{path}: expected {num_series} lengths from 1 to {steps}, as X of shape {x.shape} "
                f"has, got {len(counts)} from {counts.min(initial=0)} to {counts.max(initial=0)}"
            )
        is_there = np.arange(steps) < counts[:, None]
        flat = stacked[is_there]
        expected: tuple[int, ...] = (num_series, steps)
    elif x.ndim in (1, 2) and counts is not None:
        flat = x if x.ndim == 2 else x[:, None]
        if (counts < 1).any() or counts.sum() != len(flat):
            raise DataError(
                f"{path}: expected lengths above 0 that add up to the {len(flat):,} steps of X, "
                f"got {counts.sum():,} from {counts.min(initial=0)}"
            )
        is_there = np.ones(len(flat), np.bool_)
        expected = (len(flat),)
    else:
        raise DataError(
            f"{path}: expected X of shape (number of series, steps, channels), or (steps of all "
            f"series, channels) with lengths, got {x.shape}"
        )
    if times is None:
        return to_float32(flat), None, counts
    if times.shape != expected or times.dtype.kind not in "iuf":
        raise DataError(
            f"{path}: expected times of shape {expected}, a number for every step, got "
            f"{times.shape} of {times.dtype}"
        )
    return to_float32(flat), times.astype(np.float64)[is_there], counts


def _names(path: Path, names: NDArray[Any] | None, what: str, count: int) -> tuple[str, ...]:
    if names is None:
        return tuple(map(str, range(count)))
    if names.shape != (count,) or len({*names.tolist()}) < count:
        raise DataError(
            f"{path}: expected {count} different names in {what}, got an array of shape "
            f"{names.shape}"
        )
    return tuple(map(str, names.tolist()))


def _answers(path: Path, y: NDArray[Any] | None, count: int) -> list[Any]:
    if y is None:
        return [None] * count
    if y.ndim not in (1, 2) or len(y) != count or y.dtype.kind not in "biufUS":
        raise DataError(
            f"{path}: expected y with an answer for each of {count} series, texts or numbers, got "
            f"shape {y.shape} of {y.dtype}"
        )
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8")
    return [tuple(row) if isinstance(row, list) else row for row in y.tolist()]


def _check(
    path: Path,
    values: NDArray[np.float32],
    times: NDArray[np.float64] | None,
    offsets: NDArray[np.int64],
    channels: tuple[str, ...],
) -> None:
    for start in range(0, len(values), _CHECKED_AT_ONCE):
        is_infinite = np.isinf(values[start : start + _CHECKED_AT_ONCE])
        if is_infinite.any():
            step, channel = np.argwhere(is_infinite)[0]
            row = int(np.searchsorted(offsets, start + step, "right")) - 1
            raise DataError(
                f"{path}: series {row}, step {start + step - offsets[row]}, channel "
                f"{channels[channel]}: expected a finite number, or NaN for a missing one, got "
                f"{values[start + step, channel]}"
            )
    for row in range(len(offsets) - 1 if times is not None else 0):
        own = times[offsets[row] : offsets[row + 1]]  # type: ignore[index]
        wrong = first_not_ascending(own)
        if wrong is not None:
            raise DataError(
                f"{path}: series {row}, step {wrong}: expected times that ascend, got {own[wrong]} "
                f"after {own[wrong - 1]}"
            )
