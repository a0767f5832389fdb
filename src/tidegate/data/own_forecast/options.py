"""Which files of the user's hold series to forecast, and how they are to be read."""

from dataclasses import dataclass, field
from typing import Annotated

from tidegate.data.series.columns import SeriesColumns
from tidegate.errors import ArgumentError
from tidegate.storage.schema import Between, IsPath, NotEmpty

FilePath = Annotated[str, IsPath()]


@dataclass(frozen=True)
class OwnForecast:
    """Tables with a row a step, or files of the Monash archive, and what is to be forecast."""

    files: Annotated[tuple[FilePath, ...], NotEmpty()]
    columns: SeriesColumns = field(default_factory=SeriesColumns)
    horizon: Annotated[int, Between(1)] = 1
    """The steps that are forecast."""
    season_length: Annotated[int, Between(1)] | None = None
    """The steps after which values repeat; None where it is to be found."""
    num_origins: Annotated[int, Between(1)] | None = None
    """Points in time of the back-test; None for as many as the series allow, at most 10."""
    delimiter: str | None = None
    """What stands between the fields of CSV."""

    def check(self) -> None:
        """Refuse options that contradict each other, before a file is opened.

        Raises:
            ArgumentError: Which.
        """
        for name, least in (("horizon", 1), ("season_length", 1), ("num_origins", 1)):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < least):
                option = {"season_length": "season", "num_origins": "origins"}.get(name, name)
                raise ArgumentError(option, f"expected a whole number from 1 on, got {value!r}")
        columns = self.columns
        named = [*columns.values, *columns.known, columns.series_id, columns.time]
        there = [name for name in named if name is not None]
        twice = [name for name in there if there.count(name) > 1]
        if twice:
            raise ArgumentError(
                "values", f"expected every column for one thing, got {twice[0]!r} twice"
            )
