"""The linear model on series: its statistics, its answers, its arrays in a model folder."""

import numpy as np
import pytest

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.errors import FormatError
from tidegate.inference import pooled
from tidegate.inference.pooled import PooledModel, pooled_statistics


def ragged(rows):
    values = np.concatenate([np.asarray(row, np.float32) for row in rows])
    return Ragged(values, offsets_of([len(row) for row in rows]))


@pytest.fixture
def series():
    """Series of 1 to 40 steps and 3 channels, one without steps among them."""
    random = np.random.default_rng(0)
    lengths = [*random.integers(1, 40, 60), 0, 1, 2, 1000]
    return ragged([random.normal(3, 100, (length, 3)) for length in lengths])


@pytest.fixture
def model():
    random = np.random.default_rng(1)
    return PooledModel(
        random.normal(size=21),
        random.uniform(0.5, 2, 21),
        random.normal(size=(2, 21)),
        random.normal(size=2),
    )


def test_statistics_of_series_by_hand():
    rows = [[[1, 5], [4, 5], [7, 5], [0, 5]], [[-2, 3]], np.empty((0, 2))]
    expected = [
        [3, 5, 7.5**0.5, 0, 1, 5, 7, 5, 0, 5, 0, 5, 7, 5],
        [-2, 3, 0, 0, -2, 3, -2, 3, -2, 3, -2, 3, -2, 3],
        [0] * 14,
    ]
    np.testing.assert_allclose(pooled_statistics(ragged(rows)), expected, rtol=1e-15)


def test_statistics_are_numpys(series):
    found = pooled_statistics(series).reshape(len(series), 7, 3)
    for row, statistics in enumerate(found):
        steps = series[row].astype(np.float64)
        if not len(steps):
            assert not statistics.any()
            continue
        chosen = (steps[0], steps[len(steps) // 2], steps[-1])
        expected = [steps.mean(0), steps.std(0), *chosen, steps.min(0), steps.max(0)]
        np.testing.assert_allclose(statistics, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("width", [1, 2, 3, 8])
def test_an_answer_does_not_depend_on_the_other_series(width, monkeypatch):
    random = np.random.default_rng(width)
    lengths = random.integers(0, 3000, 40)
    series = ragged([random.normal(1e3, 1, (length, width)) for length in lengths])
    features = 7 * width
    model = PooledModel(
        random.normal(size=features),
        random.uniform(1, 2, features),
        random.normal(size=(3, features)),
        random.normal(size=3),
    )
    together = model.decision_function(series)
    for row in range(len(series)):
        alone = model.decision_function(series.take([row]))
        np.testing.assert_array_equal(alone, together[[row]])
    order = random.permutation(len(series))
    np.testing.assert_array_equal(model.decision_function(series.take(order)), together[order])
    monkeypatch.setattr(pooled, "_AT_ONCE", 1000)
    np.testing.assert_array_equal(model.decision_function(series), together)


def test_no_series_have_no_answers(model, series):
    assert model.decision_function(series.take(slice(0))).shape == (0, 2)


def test_decision_function_is_the_weighted_sum_of_standardised_statistics(model, series):
    features = (pooled_statistics(series) - model.means) / model.scales
    expected = features @ model.coefficients.T + model.intercepts
    np.testing.assert_allclose(model.decision_function(series), expected, rtol=1e-11)
    assert model.num_parameters == 44


def test_series_of_other_channels_are_refused(model):
    with pytest.raises(ValueError, match=r"\(P, I\) = \(P, 3\), got \(5, 2\)"):
        model.decision_function(ragged([np.zeros((5, 2))]))


def test_arrays_come_back(model, series):
    again = PooledModel.from_arrays(model.to_arrays())
    np.testing.assert_array_equal(again.decision_function(series), model.decision_function(series))
    assert {name: one.tobytes() for name, one in again.to_arrays().items()} == {
        name: one.tobytes() for name, one in model.to_arrays().items()
    }


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"more": np.zeros(1)}, "expected arrays means, scales, coefficients and intercepts"),
        ({"means": np.zeros(21, np.float32)}, "means of dtype float64, got float32"),
        ({"intercepts": np.array([0, np.nan])}, "finite intercepts"),
        ({"scales": np.array([0.0] + [1.0] * 20)}, "scales above 0"),
        ({"scales": np.ones(20)}, r"\(21,\), \(20,\), \(2, 21\) and \(2,\)"),
        ({"coefficients": np.ones((3, 21))}, r"\(21,\), \(21,\), \(3, 21\) and \(2,\)"),
        ({"coefficients": np.ones(21)}, r"\(21,\), \(21,\), \(21,\) and \(2,\)"),
        ({"intercepts": np.array(0.0)}, r"\(2, 21\) and \(\)"),
        (
            {"means": np.ones(20), "scales": np.ones(20), "coefficients": np.ones((2, 20))},
            "7 features a channel, got 20",
        ),
        (
            {"means": np.ones(0), "scales": np.ones(0), "coefficients": np.ones((2, 0))},
            r"\(0,\), \(0,\), \(2, 0\) and \(2,\)",
        ),
    ],
    ids=[
        "another array",
        "dtype",
        "not finite",
        "scale of 0",
        "scales",
        "coefficients",
        "one dimension",
        "no dimension",
        "features",
        "no features",
    ],
)
def test_other_arrays_are_refused(model, changed, message):
    with pytest.raises(FormatError, match=message):
        PooledModel.from_arrays(model.to_arrays() | changed)
