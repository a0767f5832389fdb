"""What answers and parts are told by, whether they are those of texts or of series."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol


class AnswerColumns(Protocol):
    """The columns with the answers, and those that say which part a row is in."""

    @property
    def label(self) -> str | None:
        """Holds one class an example."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Several labels an example."""

    @property
    def separator(self) -> str | None:
        """What stands between the labels in the one column of ``labels``."""

    @property
    def target(self) -> tuple[str, ...]:
        """Numbers to be predicted."""

    @property
    def answers(self) -> tuple[str, ...]:
        """All of these columns."""

    @property
    def split(self) -> str | None:
        """Says of each example its part."""

    @property
    def group(self) -> str | None:
        """Examples with equal values stay in one part."""


class OwnParts(Protocol):
    """How the user's files are divided."""

    @property
    def test(self) -> tuple[str, ...]:
        """Files of the test part."""

    @property
    def validation(self) -> tuple[str, ...]:
        """Files of the validation part."""

    @property
    def test_share(self) -> float:
        """The share that is held out where there is no other test part."""


class Answered(Protocol):
    """Examples of the user's files with their raw answers."""

    @property
    def answers(self) -> Sequence[Any]:
        """Of each example the value of the column with the answers, or a tuple of several."""

    @property
    def files(self) -> Sequence[tuple[int, Path]]:
        """At which example each file begins."""

    def __len__(self) -> int: ...

    def where(self, row: int) -> str:
        """The file and line of an example, for messages."""


class Divisible(Answered, Protocol):
    """Examples that can be divided into parts."""

    @property
    def keys(self) -> Sequence[int]:
        """Of each example the hash of what it is: equal for copies."""

    @property
    def groups(self) -> Sequence[int]:
        """Of each example the hash of its group, where there are groups."""

    @property
    def splits(self) -> Sequence[Any]:
        """Of each example what the column of parts says, where there is one."""
