"""The user's own files of series to forecast."""

from tidegate.data.own_forecast.load import load, load_series, of_source
from tidegate.data.own_forecast.options import OwnForecast

__all__ = ["OwnForecast", "load", "load_series", "of_source"]
