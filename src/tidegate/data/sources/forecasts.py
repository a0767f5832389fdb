"""Built-in series to forecast: hourly temperatures, and yearly series of the M1 competition.

Sources: temperatures in San Francisco in 2010 of the package vega_datasets, from the US National
Oceanic and Atmospheric Administration; S. Makridakis et al., "The accuracy of extrapolation (time
series) methods: results of a forecasting competition", Journal of Forecasting, 1982.
"""

import csv

import numpy as np

from tidegate.data.series.series_set import SeriesSet
from tidegate.data.series.times import seconds
from tidegate.data.series.tsf_file import read_tsf
from tidegate.data.sources.aeon_series import packaged
from tidegate.data.sources.packaged import PackagedFile
from tidegate.data.sources.series_source import ForecastSource

TEMPERATURES = PackagedFile(
    "vega_datasets",
    "0.9.0",
    "_data/sf-temps.csv",
    "3f91699707cfed43ef551394bebef4c2ebe5505157b9be7bff9558eea2fbaaec",
)
M1 = packaged(
    "m1_yearly_dataset/m1_yearly_dataset.tsf",
    "12866731b810af595e4d4c74e87597a7846eb3b4667ef884a67a7e9126bf5412",
)


def temperatures() -> SeriesSet:
    """The temperature of each hour of 2010 but one, in degrees Fahrenheit.

    Times are those of the clock, in seconds since 1970: the hour that begins summer time is
    missing, and the one that ends it is not repeated.

    Raises:
        DataError: The package is missing or holds another file than expected.
    """
    with TEMPERATURES.find("sf-temps").open(newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    return SeriesSet.from_arrays(
        [[float(row["temp"]) for row in rows]],
        channels=("temp",),
        times=[np.array([seconds(row["date"]) for row in rows])],
        ids=("San Francisco",),
    )


def m1_yearly() -> SeriesSet:
    """The 181 yearly series, with their names and the beginnings of the years.

    Raises:
        DataError: The package is missing or holds another file than expected.
    """
    return read_tsf(M1.find("m1-yearly")).series


SF_TEMPS = ForecastSource(
    name="sf-temps",
    summary="8,759 hourly temperatures in San Francisco, in degrees Fahrenheit.",
    series=temperatures,
    horizon=24,
    season_length=24,
)
M1_YEARLY = ForecastSource(
    name="m1-yearly",
    summary="181 yearly series of the M1 competition.",
    series=m1_yearly,
    horizon=6,
    season_length=1,
)
