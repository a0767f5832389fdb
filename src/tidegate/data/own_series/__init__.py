"""The user's own files of series: which columns, which task, which series train and test."""

from tidegate.data.own_series.load import LabelledSeries, load, load_labelled, load_series
from tidegate.data.own_series.options import OwnSeries

__all__ = ["LabelledSeries", "OwnSeries", "load", "load_labelled", "load_series"]
