"""Forecasts without training: by hand, and beside statsmodels' own intervals."""

import sys

import numpy as np
import pytest

from tidegate.errors import MissingPackageError
from tidegate.evaluation import forecast_baselines
from tidegate.evaluation.forecast_baselines import exponential_smoothing, seasonal_naive

LEVELS = (0.1, 0.5, 0.9)
Z = 1.2815515655446004  # the 90 % point of the standard normal distribution


def seasonal(count, season=4):
    noise = np.random.default_rng(3).normal(size=count)
    return 50 + 5 * np.sin(2 * np.pi * np.arange(count) / season) + 0.3 * noise.cumsum()


def test_seasonal_naive_repeats_the_last_season():
    found = seasonal_naive(np.array([0.0, 0, 0, 1, 2, 5]), 5, 3, LEVELS)
    assert found[:, 1].tolist() == [1, 2, 5, 1, 2]
    # Changes from season to season of 1, 2 and 5; twice their variance from the second season on.
    deviation = np.sqrt(10 * np.array([1, 1, 1, 2, 2]))
    assert found[:, 2] - found[:, 1] == pytest.approx(Z * deviation)
    assert found[:, 1] - found[:, 0] == pytest.approx(Z * deviation)


def test_seasonal_naive_of_less_than_a_season_repeats_the_last_value():
    assert seasonal_naive(np.array([3.0, 7.0]), 3, 12, (0.5,)).tolist() == [[7], [7], [7]]
    assert seasonal_naive(np.array([3.0]), 2, 1, LEVELS).tolist() == [[3, 3, 3]] * 2


def test_seasonal_smoothing_has_the_points_and_deviations_of_statsmodels():
    pandas = pytest.importorskip("pandas")
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    past = seasonal(60)
    found = exponential_smoothing(past, 10, 4, LEVELS)
    assert (found.method, found.has_converged) == ("ETS(A,N,A)", True)
    scaled = pandas.Series((past - past.mean()) / past.std())
    model = ETSModel(
        scaled,
        error="add",
        seasonal="add",
        seasonal_periods=4,
        initialization_method="heuristic",
    )
    expected = model.fit(disp=False).get_prediction(60, 69)
    points = past.mean() + past.std() * expected.predicted_mean.to_numpy()
    deviations = past.std() * np.sqrt(np.asarray(expected.forecast_variance))
    assert found.quantiles[:, 1] == pytest.approx(points)
    assert found.quantiles[:, 2] - points == pytest.approx(Z * deviations)


def test_simple_smoothing_of_a_walk_keeps_its_last_value():
    steps = np.where(np.random.default_rng(1).random(200) < 0.5, -1.0, 1.0)
    past = 1e6 + np.cumsum(steps)
    found = exponential_smoothing(past, 4, 1, LEVELS)
    assert found.method == "ETS(A,N,N)"
    # A fitted level near 1: the deviation of a random walk grows with the root of the steps.
    assert found.quantiles[:, 1] == pytest.approx([past[-1]] * 4, abs=0.3)
    growth = (found.quantiles[:, 2] - found.quantiles[:, 1]) / Z
    assert growth == pytest.approx(np.sqrt([1, 2, 3, 4]), rel=0.12)


def test_smoothing_does_not_depend_on_the_unit():
    past = seasonal(60)
    one, other = (exponential_smoothing(by * past, 6, 4, LEVELS).quantiles for by in (1, 2.0**24))
    # A power of two scales without rounding; 1e7 moves the search's end by 5e-9 of a value.
    assert other == pytest.approx(2.0**24 * one, rel=1e-12)


@pytest.mark.parametrize(
    ("count", "method"), [(7, "ETS(A,N,N)"), (13, "ETS(A,N,N)"), (14, "ETS(A,N,A)")]
)
def test_a_season_needs_two_of_them_and_ten_steps_more_than_one(count, method):
    found = exponential_smoothing(seasonal(count), 3, 4, LEVELS)
    assert found.method == method
    assert np.isfinite(found.quantiles).all()


@pytest.mark.parametrize(
    "past", [[4.0], [3.0, 4.0], [4.0] * 30], ids=["one step", "two steps", "constant"]
)
def test_what_cannot_be_smoothed_is_repeated(past):
    found = exponential_smoothing(np.array(past), 2, 4, LEVELS)
    assert found.method == "naive"
    assert found.quantiles[:, 1].tolist() == [4, 4]


def test_smoothing_reads_bounded_history(monkeypatch):
    monkeypatch.setattr(forecast_baselines, "MOST_STEPS", 40)
    monkeypatch.setattr(forecast_baselines, "MOST_SEASONS", 2)
    past = seasonal(60)
    other = np.concatenate([np.full(20, 1e3), past[20:]])
    found = [exponential_smoothing(one, 6, 4, LEVELS).quantiles for one in (past, other)]
    assert (found[0] == found[1]).all()


def test_statsmodels_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.tsa.api", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'tidegate\[forecast\]'"):
        exponential_smoothing(seasonal(30), 3, 1, LEVELS)
