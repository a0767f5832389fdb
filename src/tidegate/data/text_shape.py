"""The size and form of training texts, by which a recipe adapts to them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tidegate.data import tokenise
from tidegate.task import Task

MOST_READ = 5_000
"""Texts that are split into tokens; of more texts, so many stand for all."""


@dataclass(frozen=True)
class TextShape:
    """How many texts train, and how long they are."""

    num_texts: int
    """That train; those that validate are not among them."""
    num_tokens: int
    """Of all these texts, uncut."""
    median_length: int
    """Tokens of a text."""
    long_length: int
    """Tokens that one text in twenty exceeds: the 95th percentile."""
    num_distinct: int
    """Distinct tokens; of more than :data:`MOST_READ` texts, those of so many."""
    kind: str = "binary"
    """The kind of the task, see :class:`~tidegate.task.Task`."""
    num_classes: int = 2
    """Of a regression, its numbers."""


def measure(texts: Sequence[str], tokens: str, task: Task) -> TextShape:
    """Measure training texts; of more than :data:`MOST_READ`, some at equal distances.

    Args:
        texts: Those that train.
        tokens: The name of a tokeniser; words stand for one that learns from the texts.
        task: What is asked of them.

    Raises:
        DataError: A text holds half a surrogate pair.
    """
    places = np.linspace(0, len(texts) - 1, min(len(texts), MOST_READ)).astype(np.int64)
    tokeniser = tokenise.FIXED.get(tokens, tokenise.WORDS)
    words = tokeniser.split([texts[place] for place in places.tolist()])
    lengths = words.codes.lengths()
    return TextShape(
        num_texts=len(texts),
        num_tokens=round(float(lengths.mean()) * len(texts)) if len(lengths) else 0,
        median_length=_percentile(lengths, 50),
        long_length=_percentile(lengths, 95),
        num_distinct=len(words.distinct),
        kind=task.kind,
        num_classes=len(task.classes),
    )


def _percentile(lengths: "np.ndarray[tuple[int], np.dtype[np.int64]]", share: int) -> int:
    return int(np.percentile(lengths, share, method="lower")) if len(lengths) else 0
