"""Series of numbers: containers, data sets, and the user's files of them."""

from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.dataset import SeriesDataset, SeriesSplit
from tidegate.data.series.series_set import SeriesSet

__all__ = ["SeriesColumns", "SeriesDataset", "SeriesSet", "SeriesSplit"]
