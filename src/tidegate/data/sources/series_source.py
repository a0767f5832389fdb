"""Built-in data sets of series: for classification, and for forecasting."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from tidegate.data.series.dataset import SeriesDataset
from tidegate.data.series.series_set import SeriesSet
from tidegate.data.sources.source import DataSource, Kind


@dataclass(frozen=True)
class SeriesSource(DataSource):
    """Labelled series with a training and a test part."""

    kind: ClassVar[Kind] = "series"
    place: Callable[[], SeriesDataset]
    """Reads the data set where its package has it.

    Raises :class:`~tidegate.errors.DataError`, which says what to install, if it is nowhere.
    """


@dataclass(frozen=True)
class ForecastSource(DataSource):
    """Series whose next values are to be predicted."""

    kind: ClassVar[Kind] = "forecast"
    series: Callable[[], SeriesSet]
    """Reads the series, with times and names, where their package has them.

    Raises :class:`~tidegate.errors.DataError`, which says what to install, if it is nowhere.
    """
    horizon: int
    """The number of values to be predicted."""
    season_length: int
    """After how many steps the values repeat; 1 where they do not."""
