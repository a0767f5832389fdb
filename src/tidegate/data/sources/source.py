"""What a data set is: a name, a task, columns, and where its rows come from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from tidegate.data.sources.archive import Archive
from tidegate.errors import DataError
from tidegate.task import Task

Part = Literal["train", "test"]

Kind = Literal["text", "series", "forecast"]

Rows = Mapping[str, list[Any]]
"""Some rows of a data set: for every column the values, one a row."""

CHUNK_ROWS = 2_000


class Opened(Protocol):
    """A data set whose rows can be read."""

    @property
    def origin(self) -> str:
        """Where the rows come from, and how the test part was made: a sentence for the user."""

    def rows(self, part: Part) -> Iterator[Rows]:
        """The rows of a part in a fixed order, some at a time.

        A label is what :meth:`tidegate.task.Task.named` writes: the name of a class, a list of
        names of labels, or a number.
        """


@dataclass(frozen=True)
class Figure:
    """Published results of a cell."""

    cell: str
    test_accuracy: float
    test_loss: float


@dataclass(frozen=True)
class Reference:
    """Published results on a data set, to be shown beside those of a run."""

    name: str
    """What they are of, in one word: the report writes "the notebook's accuracy"."""
    recipe: str
    """The recipe that repeats their setting."""
    num_test: int
    """Size of the test part that they were measured on."""
    conditions: str
    """Goes on "The notebook's figures are": seeds, training and test part."""
    figures: list[Figure]


@dataclass(frozen=True)
class DataSource:
    """A data set by name, whatever it is made of."""

    kind: ClassVar[Kind]
    """What the data set has: texts or series, with labels, or series to forecast."""
    name: str
    """For the command line, for folder names and for files: lower case, no blanks."""
    summary: str
    """One line for help texts and lists."""
    _: KW_ONLY
    path_help: str | None = None
    """What the user's path may be; None if the source takes none."""
    archive: Archive | None = None
    """What ``tidegate data get`` downloads."""
    unlabelled: Callable[[Path], list[str]] | None = None
    """Reads the texts without labels in the user's copy, where the data set has some.

    Raises :class:`~tidegate.errors.DataError` for what is no such copy.
    """
    references: tuple[Reference, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns in every chunk of rows; none where there are no such rows."""
        return ()

    def open(self, path: Path | None = None) -> Opened:
        """Find the data set and make its rows readable.

        Args:
            path: The user's copy; nothing else is tried when given.

        Raises:
            DataError: It is missing, is not as it should be, or the source takes no path; or the
                data set is none of texts, and has no rows.
        """
        raise DataError(f"{self.name}: expected a data set of texts, got one of series")

    def check_path(self, path: Path | None) -> None:
        """Refuse a path where none is taken.

        Raises:
            DataError: There is one.
        """
        if path is not None and self.path_help is None:
            raise DataError(
                f"{self.name}: expected no path, as this data set is in one place only, got {path};"
                " leave --data out"
            )

    def reference(self, recipe: str) -> Reference | None:
        """The published results in the setting of a recipe."""
        return next((each for each in self.references if each.recipe == recipe), None)


@dataclass(frozen=True)
class Source(DataSource):
    """Labelled texts with a train and a test part."""

    kind: ClassVar[Kind] = "text"
    task: Task
    place: Callable[[Path | None], Opened]
    """Opens the data set, at the path that the user gives, or else where it is found.

    Raises :class:`~tidegate.errors.DataError`, which says how to get the data, if it is nowhere.
    """
    text_column: str = "text"
    label_column: str = "label"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns in every chunk of rows."""
        return (self.text_column, self.label_column)

    def open(self, path: Path | None = None) -> Opened:
        """Find the data set and make its rows readable."""
        self.check_path(path)
        return self.place(path)
