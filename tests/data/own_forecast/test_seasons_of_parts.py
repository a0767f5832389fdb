"""The season is found in the steps that train."""

import numpy as np
import pytest

from tidegate.data.own_forecast.seasons import find_season
from tidegate.data.prepared_forecast import ForecastDataset
from tidegate.data.series.series_set import SeriesSet


@pytest.mark.parametrize(("first", "last", "season"), [(0, 220, 6), (220, 400, 1)])
def test_steps_that_validate_or_are_tested_do_not_count(first, last, season):
    values = np.random.default_rng(0).normal(size=400)
    steps = np.arange(first, last)
    values[first:last] = 20 * np.sin(2 * np.pi * steps / 6)
    series = SeriesSet.from_arrays([values], channels=("level",))
    # 10 origins of 12 steps are tested, 5 before them validate: the first 220 steps train.
    dataset = ForecastDataset("waves", "a test", series, 12, 1, num_origins=10)
    assert find_season(dataset) == season
