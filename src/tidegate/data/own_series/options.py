"""Which files of the user's hold series, and how they are to be read."""

from dataclasses import dataclass, field
from typing import Annotated

from tidegate.data.own_series.columns import check
from tidegate.data.series.columns import SeriesColumns
from tidegate.errors import ArgumentError
from tidegate.storage.schema import Between, IsPath, NotEmpty

FilePath = Annotated[str, IsPath()]


@dataclass(frozen=True)
class OwnSeries:
    """Files of labelled series, and how they are to be read."""

    files: Annotated[tuple[FilePath, ...], NotEmpty()]
    test: tuple[FilePath, ...] = ()
    """Files with the test part; without any, it is held out of ``files``."""
    validation: tuple[FilePath, ...] = ()
    """Files with the validation part; without any, it is the end of the training part."""
    columns: SeriesColumns = field(default_factory=SeriesColumns)
    test_share: Annotated[float, Between(0.001, 0.9)] = 0.2
    """The share of the series that is held out where there is no other test part."""
    delimiter: str | None = None
    """What stands between the fields of CSV."""
    skip_bad_rows: bool = False
    """Whether rows that are series and cannot be used are left out and counted, not refused."""

    def check(self) -> None:
        """Refuse options that contradict each other, before a file is opened.

        Raises:
            ArgumentError: Which.
        """
        check(self.columns)
        if self.columns.split is not None and (self.test or self.validation):
            raise ArgumentError(
                "split", "expected either a column that says the part, or files of parts, got both"
            )
        if self.columns.group is not None and (self.test or self.columns.split is not None):
            raise ArgumentError(
                "group", "expected it where the test part is held out by hash, got a given split"
            )
