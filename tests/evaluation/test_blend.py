"""The blend of classifiers against optima that are known or found by search; t intervals."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from tidegate.errors import FormatError
from tidegate.evaluation.blend import Blend, fit_blend
from tidegate.evaluation.intervals import mean_interval


def cross_entropy(logits, labels):
    """The mean negative logarithm of the probability given to the true class, in nats."""
    return float(np.mean(np.logaddexp(0, np.where(labels == 1, -logits, logits))))


def drawn(logits, seed=0):
    """Labels drawn with the probabilities that logits give."""
    random = np.random.default_rng(seed)
    scores = np.c_[np.zeros(len(logits)), logits] if logits.ndim == 1 else logits
    return (scores + random.gumbel(size=scores.shape)).argmax(axis=1)


def opposite_halves(true):
    """Logits and labels whose cross-entropy is least exactly at ``true`` times the logits.

    Each logit stands there with both labels, as often as its probability says.
    """
    logits = np.array([-1.5, -0.5, 0.5, 1.5])
    positive = np.round(10_000 / (1 + np.exp(-true * logits))).astype(int)
    labels = np.concatenate([np.repeat([0, 1], [10_000 - count, count]) for count in positive])
    return np.repeat(logits, 10_000), labels


@pytest.mark.parametrize("true", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_one_classifier_gets_the_temperature_that_it_is_off_by(true, size):
    logits, labels = opposite_halves(true)
    blend = fit_blend({"only": logits * size}, labels)
    assert blend.temperatures["only"] == pytest.approx(size / true, rel=1e-3)
    assert blend.weights == {"only": pytest.approx(1.0)}
    assert blend.temperature == pytest.approx(1.0, rel=1e-4)


def test_a_temperature_of_several_classes_is_the_one_a_search_finds():
    random = np.random.default_rng(1)
    logits = random.normal(size=(3000, 4)) * 2
    labels = drawn(logits / 1.7)

    def loss(log_temperature):
        scores = logits / np.exp(log_temperature)
        total = np.log(np.exp(scores).sum(axis=1))
        return np.mean(total - scores[np.arange(3000), labels])

    found = np.exp(minimize_scalar(loss, bracket=(-1, 1), tol=1e-9).x)
    assert 1.6 < found < 1.8
    blend = fit_blend({"only": logits}, labels)
    assert blend.temperatures["only"] == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize("shape", [(40_000,), (20_000, 3)], ids=["two", "three"])
def test_parts_of_the_truth_get_the_shares_that_make_it_up(shape):
    random = np.random.default_rng(2)
    parts = {name: random.normal(size=shape) * 1.5 for name in ("first", "second")}
    noise = random.normal(size=shape)
    truth = 0.9 * parts["first"] + 0.3 * parts["second"]
    labels = drawn(truth)
    blend = fit_blend({**parts, "noise": noise}, labels)
    combined = blend.combine({**parts, "noise": noise})
    # The factors of the truth come back within their standard errors, about 0.01.
    factors = {
        name: blend.weights[name] / blend.temperatures[name] / blend.temperature for name in parts
    }
    assert factors == {
        "first": pytest.approx(0.9, abs=0.04),
        "second": pytest.approx(0.3, abs=0.04),
    }
    assert blend.weights["noise"] < 0.05
    assert sum(blend.weights.values()) == pytest.approx(1)
    assert combined.shape == shape
    expected = sum(
        blend.weights[name] * one / blend.temperatures[name] / blend.temperature
        for name, one in {**parts, "noise": noise}.items()
    )
    np.testing.assert_allclose(combined, expected, rtol=1e-12, atol=1e-12)


def test_no_other_blend_of_the_validation_data_is_better():
    random = np.random.default_rng(3)
    truth = random.normal(size=2000) * 2
    labels = drawn(truth)
    logits = {name: 3 * (truth + random.normal(size=2000)) for name in ("gru", "linear")}
    blend = fit_blend(logits, labels)
    least = cross_entropy(blend.combine(logits), labels)
    assert least < min(
        cross_entropy(one / blend.temperatures[name], labels) for name, one in logits.items()
    )
    grid = np.linspace(0, 1, 21)
    others = [
        cross_entropy(3 * (a * logits["gru"] + b * logits["linear"]), labels)
        for a in grid
        for b in grid
    ]
    assert least <= min(others) < least + 1e-2


def test_one_logit_is_two_classes():
    random = np.random.default_rng(4)
    one, two = random.normal(size=(2, 500))
    labels = drawn(one + two)
    binary = fit_blend({"a": one, "b": two}, labels)
    pairs = {name: np.c_[np.zeros(500), logits] for name, logits in (("a", one), ("b", two))}
    assert fit_blend(pairs, labels) == binary


def test_a_classifier_without_mistakes_gets_a_bounded_temperature():
    labels = np.arange(10) % 2
    blend = fit_blend({"sure": labels * 2.0 - 1, "unsure": np.resize([0.1, 0.2], 10)}, labels)
    assert np.isfinite([*blend.temperatures.values(), *blend.weights.values()]).all()
    assert blend.temperatures["sure"] >= 1e-3
    assert ((blend.combine({"sure": labels * 2.0 - 1, "unsure": np.ones(10)}) > 0) == labels).all()


def test_a_classifier_worse_than_chance_gets_no_weight():
    random = np.random.default_rng(5)
    good = random.normal(size=1000) * 2
    labels = drawn(good)
    assert fit_blend({"good": good, "bad": -good}, labels).weights["bad"] < 1e-6


def test_where_none_is_better_than_chance_the_blend_is_unsure():
    random = np.random.default_rng(5)
    good = random.normal(size=1000) * 2
    logits = {"bad": -good, "worse": -3 * good}
    blend = fit_blend(logits, drawn(good))
    assert blend.weights == {"bad": 0.5, "worse": 0.5}
    combined = blend.combine(logits)
    assert np.abs(combined).mean() == pytest.approx(0.02)
    assert np.corrcoef(combined, -good)[0, 1] == pytest.approx(1)


def test_json_brings_back_the_same_blend():
    logits, labels = opposite_halves(0.7)
    blend = fit_blend({"a": logits, "b": np.roll(logits, 1)}, labels)
    assert Blend.from_json(json.loads(json.dumps(blend.to_json()))) == blend


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"temperatures": {"a": 1}, "weights": {"b": 1}, "temperature": 1},
        {"temperatures": {"a": "warm"}, "weights": {"a": 1}, "temperature": 1},
    ],
    ids=["empty", "other names", "no number"],
)
def test_json_of_something_else_is_refused(content):
    with pytest.raises(FormatError, match="Blend: expected"):
        Blend.from_json(content)


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        ({}, [0, 1], "logits of one shape"),
        ({"a": [1.0, 2.0], "b": [1.0]}, [0, 1], r"one shape.*'a': \(2,\), 'b': \(1,\)"),
        ({"a": [1.0, np.nan]}, [0, 1], "finite logits, got 'a'"),
        ({"a": [1.0, 2.0]}, [0, 1, 1], r"labels of shape \(N,\) = \(2,\)"),
        ({"a": [1.0, 2.0]}, [0, 2], r"from 0 to 1, got shape \(2,\) and \[0, 2\]"),
        ({"a": []}, [], "logits of one shape"),
    ],
)
def test_what_does_not_fit_together_is_refused(logits, labels, message):
    arrays = {name: np.array(one, np.float64) for name, one in logits.items()}
    with pytest.raises(ValueError, match=message):
        fit_blend(arrays, np.array(labels))


def test_a_blend_wants_the_logits_of_its_classifiers():
    blend = Blend({"a": 1.0, "b": 1.0}, {"a": 0.5, "b": 0.5}, 1.0)
    with pytest.raises(ValueError, match=r"expected logits of \['a', 'b'\], got \['a'\]"):
        blend.combine({"a": np.ones(2)})


def test_the_interval_of_a_mean_is_students():
    # t(0.975) is 4.303 for 2 degrees of freedom and 2.776 for 4, as tables of Student's t have it.
    mean, low, high = mean_interval([0.90, 0.91, 0.95])
    half = 4.303 * np.sqrt((0.02**2 + 0.01**2 + 0.03**2) / 2) / np.sqrt(3)
    assert (mean, low, high) == pytest.approx((0.92, 0.92 - half, 0.92 + half), abs=1e-5)
    assert mean_interval([1, 2, 3, 4, 5]).high == pytest.approx(3 + 2.776 / np.sqrt(2), abs=1e-3)
    assert mean_interval([1, 2, 3, 4, 5], 0.5).high < 4
    assert mean_interval([2.0, 2.0]) == (2.0, 2.0, 2.0)


def test_one_run_has_no_interval():
    with pytest.raises(ValueError, match="expected at least 2 values, got 1"):
        mean_interval([0.9])
    with pytest.raises(ValueError, match="expected 0 < confidence < 1, got 95"):
        mean_interval([0.9, 0.8], 95)
