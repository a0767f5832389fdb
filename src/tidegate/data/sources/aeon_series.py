"""Labelled series from the UEA and UCR archives, in the package aeon, with the archives' parts.

Sources: M. Kudo et al., "Multidimensional curve classification using passing-through regions",
1999 (JapaneseVowels); J. Guna et al., "Intuitive Visual Interface for Gesture Recognition", 2014
(PickupGestureWiimoteZ); a student project at the University of East Anglia (BasicMotions).
"""

from functools import partial

import numpy as np

from tidegate.data.series.dataset import SeriesDataset, SeriesSplit, in_order_of_hashes
from tidegate.data.series.raw import RawSeries
from tidegate.data.series.ts_file import read_ts
from tidegate.data.sources.packaged import PackagedFile
from tidegate.data.sources.series_source import SeriesSource
from tidegate.task import Task

VERSION = "1.6.0"


def packaged(path: str, sha256: str) -> PackagedFile:
    """A data file of aeon."""
    return PackagedFile("aeon", VERSION, f"datasets/data/{path}", sha256)


def place(name: str, train: PackagedFile, test: PackagedFile) -> SeriesDataset:
    """Read the two parts as the archive gives them.

    Raises:
        DataError: The package is missing or holds other files than expected.
    """
    rows = RawSeries()
    read_ts(train.find(name), rows)
    num_train = len(rows)
    read_ts(test.find(name), rows)
    task = Task("multi-class", rows.classes)
    targets = task.targets([task.target(answer) for answer in rows.answers])
    everything = SeriesSplit(rows.series(), targets)
    trained, units = in_order_of_hashes(everything.first(num_train), task)
    return SeriesDataset(
        name=name,
        source=f"{train.origin}, with the archive's training and test part",
        train=trained,
        test=everything.take(np.arange(num_train, len(rows))),
        task=task,
        units=units,
    )


def _source(name: str, summary: str, train: PackagedFile, test: PackagedFile) -> SeriesSource:
    return SeriesSource(name, summary, place=partial(place, name, train, test))


JAPANESE_VOWELS = _source(
    "japanese-vowels",
    "640 recordings of two vowels by 9 speakers, 12 channels: who speaks?",
    packaged(
        "JapaneseVowels/JapaneseVowels_TRAIN.ts",
        "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
    ),
    packaged(
        "JapaneseVowels/JapaneseVowels_TEST.ts",
        "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
    ),
)
PICKUP_GESTURES = _source(
    "pickup-gestures",
    "100 gestures of 10 kinds, the acceleration of a hand along one axis.",
    packaged(
        "PickupGestureWiimoteZ/PickupGestureWiimoteZ_TRAIN.ts",
        "4d303d9990df621c066fc454d62626e3721aed008462103500b86b1ac1ca92c8",
    ),
    packaged(
        "PickupGestureWiimoteZ/PickupGestureWiimoteZ_TEST.ts",
        "a9109bce918e48ee0e924e9cf2fdfdc4de364a3d88ec5e8aa44399ff08b11361",
    ),
)
BASIC_MOTIONS = _source(
    "basic-motions",
    "80 recordings of a smart watch, 6 channels: standing, walking, running or badminton?",
    packaged(
        "BasicMotions/BasicMotions_TRAIN.ts",
        "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6",
    ),
    packaged(
        "BasicMotions/BasicMotions_TEST.ts",
        "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc",
    ),
)
