"""Windows of series: what they read and predict, and that no part sees a later one."""

from dataclasses import replace

import numpy as np
import pytest

from tidegate.data.prepared_forecast import ForecastDataset, cut, prepare_forecast
from tidegate.data.preprocessing.forecast import BASE, UNIT, ForecastOptions
from tidegate.data.preprocessing.series import VALUES
from tidegate.data.series.series_set import SeriesSet
from tidegate.data.windows import training_scales
from tidegate.errors import DataError

HORIZON, LEVELS = 3, (0.1, 0.5, 0.9)


def counting(*lengths, season=1):
    """Series that count their steps, so that a value tells when it was."""
    arrays = [1000.0 * number + np.arange(length) for number, length in enumerate(lengths)]
    series = SeriesSet.from_arrays(arrays, channels=("level",))
    return ForecastDataset("counting", "a test", series, HORIZON, season)


def prepared(dataset, *, window=5, num_origins=2, **options):
    given = ForecastOptions(HORIZON, window, dataset.season_length, **options)
    return prepare_forecast(replace(dataset, num_origins=num_origins), given, LEVELS)


def altered(dataset, row, start):
    """The same data, with other values from a step of a series on."""
    arrays = [np.array(dataset.series.values[number]) for number in range(len(dataset.series))]
    arrays[row][start:] = -7
    series = SeriesSet.from_arrays(arrays, channels=dataset.series.channels)
    return ForecastDataset("counting", "a test", series, HORIZON, dataset.season_length)


def test_parts_follow_each_other_in_time():
    cuts = cut(np.array([30]), HORIZON, 4)
    # 4 origins of 3 steps are tested, the 2 before validate.
    assert (cuts.train.tolist(), cuts.validation.tolist(), cuts.test.tolist()) == ([12], [18], [30])
    data = prepared(counting(30), num_origins=4)
    assert data.test.targets_of(np.arange(4)).tolist() == [
        [18, 19, 20],
        [21, 22, 23],
        [24, 25, 26],
        [27, 28, 29],
    ]
    assert data.validation.targets_of(np.arange(2)).tolist() == [[12, 13, 14], [15, 16, 17]]
    train = data.train.targets_of(np.arange(len(data.train)))
    assert train[0].tolist() == [2, 3, 4]
    assert np.nanmax(train) == 11
    assert train[-1, 0] == 11
    assert np.isnan(train[-1, 1:]).all()


def test_training_does_not_see_what_comes_after_it():
    dataset = counting(30, 26)
    one, other = (prepared(each) for each in (dataset, altered(dataset, 0, 21)))
    assert one.preprocessor == other.preprocessor  # the first 21 steps train
    rows = np.arange(len(one.train))
    (arrays, targets), (others, other_targets) = one.train.batch(rows), other.train.batch(rows)
    for name, array in arrays.items():
        assert (array.values == others[name].values).all(), name
    assert np.array_equal(targets, other_targets, equal_nan=True)
    assert (one.validation.targets != other.validation.targets).any()


def test_a_window_does_not_see_its_targets():
    dataset = counting(30)
    one, other = (prepared(each) for each in (dataset, altered(dataset, 0, 24)))
    (arrays, targets), (others, other_targets) = (
        each.test.batch(np.array([0])) for each in (one, other)
    )
    assert (targets != other_targets).all()
    for name, array in arrays.items():
        assert (array.values == others[name].values).all(), name


def test_what_is_read_at_each_step():
    data = prepared(counting(30, season=2), scaling="none")
    arrays, _ = data.test.batch(np.array([0]))
    # Steps 19 to 23, then the last season repeated; changes from two steps before; steps ahead.
    assert arrays[VALUES].values.tolist() == [
        [19, 0, 0],
        [20, 0, 0],
        [21, 2, 0],
        [22, 2, 0],
        [23, 2, 0],
        [22, 0, 1],
        [23, 0, 1],
        [22, 0, 1],
    ]
    assert arrays[BASE].values.tolist() == [[22], [23], [22]]
    assert arrays[UNIT].values.tolist() == [[1]]


def test_early_windows_are_shorter():
    data = prepared(counting(30))
    lengths = data.train.lengths(np.arange(5))
    assert lengths.tolist() == [2 + 3, 3 + 3, 4 + 3, 5 + 3, 5 + 3]
    arrays, _ = data.train.batch(np.arange(5))
    assert arrays[VALUES].lengths().tolist() == lengths.tolist()


@pytest.mark.parametrize("scaling", ["standard", "instance", "none"])
def test_a_window_does_not_depend_on_the_others_of_its_batch(scaling):
    train = prepared(counting(30, 25, 40), scaling=scaling).train
    rows = np.array([40, 3, 17])
    together, targets = train.batch(rows)
    for number, row in enumerate(rows):
        alone, target = train.batch(np.array([row]))
        assert np.array_equal(target[0], targets[number], equal_nan=True)
        for name, array in alone.items():
            assert (array.values == together[name][number]).all(), name


def test_an_epoch_has_every_window_once_in_an_order_of_its_own():
    train = prepared(counting(30, 25)).train
    orders = [np.concatenate(train.epoch(4, seed, epoch)) for seed, epoch in ((1, 0), (1, 1))]
    for order in orders:
        assert sorted(order.tolist()) == [*range(len(train))]
    assert (orders[0] != orders[1]).any()
    assert (orders[0] == np.concatenate(train.epoch(4, 1, 0))).all()


def test_scales_are_the_seasonal_naive_errors_before_the_test():
    values = np.array([[1.0], [5], [2], [9], [100]], np.float32)
    series = SeriesSet.from_arrays([values, values, np.ones((5, 1))])
    scales = training_scales(series, 1, np.array([4, 1, 4]), 2)
    # |2 - 1| and |9 - 5|; a single step and a constant series have none.
    assert np.array_equal(scales, [[2.5], [np.nan], [np.nan]], equal_nan=True)


def test_scales_leave_missing_values_out():
    series = SeriesSet.from_arrays([[1.0, np.nan, 2, 4]])
    assert training_scales(series, 1, np.array([4]), 1).tolist() == [[2.0]]


def test_constant_and_short_series_are_told():
    arrays = [np.arange(30.0), np.ones(30), np.arange(4.0)]
    series = SeriesSet.from_arrays(arrays, channels=("level",))
    notes = prepared(ForecastDataset("mixed", "a test", series, HORIZON, 1)).facts["notes"]
    assert any("1 of 3 series are too short for the test" in note for note in notes)
    assert any("MASE is not defined for them" in note for note in notes)


@pytest.mark.parametrize("length", [2, HORIZON, 2 * HORIZON + 1])
def test_series_shorter_than_the_horizon(length):
    with pytest.raises(DataError, match="expected a series of at least 8 steps for 2 origins"):
        prepared(counting(length))


def test_missing_values_are_refused_with_their_place():
    series = SeriesSet.from_arrays([[*range(9), np.nan, *range(20)]], channels=("level",))
    dataset = ForecastDataset("gaps", "a test", series, HORIZON, 1)
    with pytest.raises(DataError, match="series 0, step 9, channel level: expected a number"):
        prepared(dataset)
    data = prepared(dataset, missing="mask", scaling="none", window=4)
    row = int(np.flatnonzero(data.train.places(np.arange(len(data.train)))[1] == 11)[0])
    arrays, _ = data.train.batch(np.array([row]))
    # Steps 7 to 10: the gap holds the value before, and is marked.
    assert arrays[VALUES].values[:4, 0].tolist() == [7, 8, 8, 0]
    assert arrays[VALUES].values[:4, 2].tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize("length", [10, 11, 12, 13])
def test_no_step_both_trains_and_validates(length):
    # Next to a longer series: of a short one, 1 to 4 steps come before those that validate.
    data = prepared(counting(30, length))
    trained = data.train.targets_of(np.arange(len(data.train)))
    validated = data.validation.targets_of(np.arange(len(data.validation)))
    assert not {*trained[~np.isnan(trained)]} & {*validated[~np.isnan(validated)]}
    assert (trained >= 1000).any()


def with_covariate(covariate):
    steps = np.stack([np.arange(30.0), covariate], 1)
    series = SeriesSet.from_arrays([steps], channels=("level", "price"), ids=("shop",))
    return ForecastDataset("prices", "a test", series, HORIZON, 1, known=("price",))


def test_a_covariate_missing_in_the_past_is_refused_with_its_place():
    covariate = np.ones(30)
    covariate[7] = np.nan
    with pytest.raises(DataError, match=r"shop, step 7, covariate price: expected a number"):
        prepared(with_covariate(covariate), missing="mask")


def test_infinite_values_are_refused_with_their_place():
    dataset = counting(30)
    dataset.series.values.values[4] = np.inf
    with pytest.raises(DataError, match="step 4, channel level: expected a finite number"):
        prepared(dataset)


@pytest.mark.parametrize("scaling", ["standard", "instance", "none"])
def test_nothing_is_learnt_from_a_window_without_values(scaling):
    late = np.stack([np.arange(30.0), np.where(np.arange(30) < 10, np.nan, np.arange(30.0))], 1)
    series = SeriesSet.from_arrays([late], channels=("level", "late"))
    dataset = ForecastDataset("late", "a test", series, HORIZON, 1)
    data = prepared(dataset, missing="mask", scaling=scaling, window=4)
    rows = np.arange(len(data.train))
    arrays, targets = data.train.batch(rows)
    assert np.isfinite(arrays[VALUES].values).all()
    assert np.isfinite(arrays[BASE].values).all()
    origins = data.train.places(rows)[1]
    is_there = ~np.isnan(targets.reshape(len(rows), HORIZON, 2))
    # From the origin 11 on, step 10 is in the window.
    assert is_there[origins <= 10, :, 1].sum() == 0
    assert is_there[(origins > 10), 0, 1].all()
    assert is_there[:, 0, 0].all()


@pytest.mark.parametrize(
    ("there", "message"),
    [
        (slice(21, 30), "values of level in the first steps, which train, got missing ones alone"),
        (slice(0, 24), "values in the last steps, which are tested, got missing ones alone"),
        ([*range(21), 29], "values in the last steps, which validate, got missing ones alone"),
    ],
)
def test_parts_without_values_are_refused(there, message):
    values = np.full(30, np.nan)
    values[there] = 1
    series = SeriesSet.from_arrays([values], channels=("level",))
    dataset = ForecastDataset("empty", "a test", series, HORIZON, 1)
    with pytest.raises(DataError, match=message):
        prepared(dataset, missing="mask")
