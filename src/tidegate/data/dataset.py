"""Labelled texts, in the split that a source gives them."""

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Columns
from tidegate.task import Task


@dataclass(frozen=True)
class Split:
    """Texts and their labels, in a fixed order."""

    texts: list[str]
    labels: NDArray[Any]
    """The targets, as :class:`~tidegate.task.Task` describes: (number of texts, ...)."""

    def __len__(self) -> int:
        return len(self.texts)

    def first(self, count: int) -> "Split":
        """The first ``count`` texts, or all where there are fewer."""
        return Split(self.texts[:count], self.labels[:count])

    def fingerprint(self) -> str:
        """SHA-256 over texts, labels and their order."""
        digest = hashlib.sha256()
        for text, label in zip(self.texts, self.labels.tolist(), strict=True):
            digest.update(f"{label}\0{text}\0".encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class TextDataset:
    """A data set with its training and its test part."""

    name: str
    source: str
    """Where it came from, and how its test part was made: a sentence for the user."""
    train: Split
    test: Split
    task: Task
    """Binary, multi-class, or another, and the names of the classes."""
    columns: Columns | None = None
    """The columns of the user's files."""
    units: NDArray[np.int64] | None = None
    """Of each training text the unit it belongs to, (number of training texts,): texts of one
    stand side by side, and either train or validate."""
    num_validation: int | None = None
    """The last so many training texts are the validation part; None for a share of them."""
    notes: tuple[str, ...] = ()
    """What the user should know about the texts, a sentence each."""
    test_is_validation: bool = False
    """Whether nothing is held out for a test: the test part is the validation part once more."""
    rows: ClassVar[str] = "texts"
    """What the examples are called in messages."""


def by_hash(texts: list[str], label: int) -> list[tuple[str, int, str]]:
    """``(hash, label, text)`` in the order of the texts' SHA-256: fixed, and as good as random.

    Equal texts stand side by side.
    """
    keyed = ((hashlib.sha256(text.encode()).hexdigest(), label, text) for text in texts)
    return sorted(keyed)


def merge(classes: list[list[tuple[str, int, str]]]) -> Split:
    """One split of several classes, mixed by their hashes read backwards.

    Backwards, for :func:`hold_out` has taken the smallest, and not at the same hash in each class.
    """
    rows = sorted((row for rows in classes for row in rows), key=lambda row: row[0][::-1])
    return Split([text for _, _, text in rows], np.array([label for _, label, _ in rows], np.int64))


def hold_out(
    rows: list[tuple[str, int, str]], count: int
) -> tuple[list[tuple[str, int, str]], list[tuple[str, int, str]]]:
    """Split the rows of :func:`by_hash` into those to keep and ``count`` to hold out.

    The rows of one text go to one side together, so up to the number of its copies may be missing
    from ``count`` at the very end.
    """
    kept: list[tuple[str, int, str]] = []
    held: list[tuple[str, int, str]] = []
    start = 0
    for end in range(1, len(rows) + 1):
        if end < len(rows) and rows[end][0] == rows[start][0]:
            continue
        same_text = rows[start:end]
        (held if len(held) + len(same_text) <= count else kept).extend(same_text)
        start = end
    return kept, held
