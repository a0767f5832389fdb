"""The user's files of series to forecast."""

import numpy as np
import pytest

from tidegate.data.own_forecast import OwnForecast, load
from tidegate.data.series.columns import SeriesColumns
from tidegate.errors import ArgumentError, DataError


def written(path, head, rows):
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return str(path)


def test_a_table_with_series_times_and_covariates(tmp_path):
    rows = [(shop, step, 10 * step, step % 2) for shop in "ab" for step in (0, 1, 2, 4)]
    rows.append(("b", 5, "", 1))  # the future of shop b
    file = written(tmp_path / "sales.csv", "shop,day,sold,price", rows)
    columns = SeriesColumns(series_id="shop", time="day", values=("sold",), known=("price",))
    dataset = load(OwnForecast((file,), columns, horizon=1, season_length=1))
    assert (dataset.name, dataset.channels, dataset.known) == ("sales", ("sold",), ("price",))
    assert dataset.series.ids == ("a", "b")
    assert dataset.lengths().tolist() == [5, 5]
    sold, price = dataset.series.values[1].T
    assert np.array_equal(sold, [0, 10, 20, np.nan, 40, np.nan], equal_nan=True)
    assert price.tolist() == [0, 1, 0, 0, 0, 1]
    assert not dataset.has_dates
    assert dataset.notes[0].startswith("2 gaps in time of 2 steps in all")


def test_the_season_is_found_and_told(tmp_path):
    steps = np.arange(200)
    rows = [(f"{value:.6f}",) for value in np.sin(2 * np.pi * steps / 12) + 0.01 * (steps % 3)]
    file = written(tmp_path / "waves.csv", "level", rows)
    dataset = load(OwnForecast((file,), horizon=4))
    assert dataset.season_length == 12
    assert "season: 12 steps, found by autocorrelation" in dataset.notes[-1]
    assert load(OwnForecast((file,), horizon=4, season_length=5)).season_length == 5


def test_a_constant_series_has_no_season(tmp_path):
    file = written(tmp_path / "flat.csv", "level", [(5,)] * 60)
    dataset = load(OwnForecast((file,), horizon=4))
    assert dataset.season_length == 1
    assert dataset.notes == ("season: none was found by autocorrelation (to name one: --season)",)


@pytest.mark.parametrize("times", [(0, 2, 1), (0, 1, 1)], ids=["back", "again"])
def test_times_that_do_not_ascend_are_refused(tmp_path, times):
    file = written(tmp_path / "t.csv", "t,v", [(time, 1) for time in times])
    columns = SeriesColumns(time="t", values=("v",))
    with pytest.raises(DataError, match=r"t\.csv:4: expected times in the column t that ascend"):
        load(OwnForecast((file,), columns, horizon=1))


@pytest.mark.parametrize(
    ("options", "name"), [({"horizon": 0}, "horizon"), ({"num_origins": 0}, "origins")]
)
def test_options_that_cannot_be_are_refused(options, name):
    with pytest.raises(ArgumentError, match="expected a whole number from 1 on") as error:
        load(OwnForecast(("missing.csv",), **options))
    assert name in str(error.value)


def test_a_column_is_for_one_thing():
    columns = SeriesColumns(time="t", values=("v",), known=("v",))
    with pytest.raises(ArgumentError, match="got 'v' twice"):
        load(OwnForecast(("missing.csv",), columns))
