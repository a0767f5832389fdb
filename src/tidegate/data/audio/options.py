"""Which files of the user's list labelled recordings, and how they are to be read."""

from dataclasses import dataclass, field
from typing import Annotated

from tidegate.data.audio.front_end import FrontEnd
from tidegate.data.columns import Columns
from tidegate.data.own_texts import OwnTexts
from tidegate.data.series.columns import SeriesColumns
from tidegate.errors import ArgumentError
from tidegate.storage.schema import Between, IsPath, NotEmpty

FilePath = Annotated[str, IsPath()]


@dataclass(frozen=True)
class OwnAudio:
    """Tables with a row for each recording, or folders with a folder for each class."""

    files: Annotated[tuple[FilePath, ...], NotEmpty()]
    test: tuple[FilePath, ...] = ()
    """Files with the test part; without any, it is held out of ``files``."""
    validation: tuple[FilePath, ...] = ()
    """Files with the validation part; without any, it is the end of the training part."""
    columns: SeriesColumns = field(default_factory=SeriesColumns)
    test_share: Annotated[float, Between(0.001, 0.9)] = 0.2
    """The share of ``files`` that is held out where there is no other test part."""
    delimiter: str | None = None
    """What stands between the fields of CSV."""
    skip_bad_rows: bool = False
    """Whether rows that cannot be used are left out and counted, rather than refused."""
    front_end: FrontEnd = field(default_factory=FrontEnd)
    """Computes the frames."""

    def check(self) -> None:
        """Refuse options that contradict each other, before a file is opened.

        Raises:
            ArgumentError: Which.
        """
        columns = self.columns
        for name in ("series_id", "time", "values", "known"):
            if value := getattr(columns, name):
                raise ArgumentError(
                    name, f"expected it for tables of numbers, got it beside recordings: {value!r}"
                )
        self.as_texts().check()

    def as_texts(self, columns: SeriesColumns | None = None) -> OwnTexts:
        """The same options for the code that labels and splits rows, with paths as their texts."""
        return OwnTexts(
            self.files,
            self.test,
            self.validation,
            as_columns(columns or self.columns),
            self.test_share,
            self.delimiter,
            self.skip_bad_rows,
        )


def as_columns(columns: SeriesColumns) -> Columns:
    """Columns of rows whose texts are the paths of recordings."""
    return Columns(
        columns.audio,
        columns.label,
        columns.labels,
        columns.separator,
        columns.target,
        columns.split,
        columns.group,
    )
