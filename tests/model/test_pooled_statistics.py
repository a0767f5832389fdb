"""Training of the linear model on series: scikit-learn's regressions on pooled statistics."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.inference.pooled import pooled_statistics
from tidegate.model import pooled_statistics as training
from tidegate.model.pooled_statistics import CANDIDATES, fit_pooled
from tidegate.task import Task

BINARY = Task("binary", ("a", "b"))
THREE = Task("multi-class", ("a", "b", "c"))


def series(count=60, seed=0):
    """Series of 2 channels, with a factor of each that makes its deviation."""
    random = np.random.default_rng(seed)
    factors = random.uniform(0.5, 2, count)
    lengths = random.integers(5, 30, count)
    steps = [
        random.normal(size=(length, 2)) * factor
        for length, factor in zip(lengths, factors, strict=True)
    ]
    values = np.concatenate(steps).astype(np.float32)
    return Ragged(values, offsets_of(lengths)), factors


VALUES, FACTORS = series()
CLASSES = np.digitize(FACTORS, [1.0, 1.5])


def pipeline(regression):
    return make_pipeline(StandardScaler(), regression)


@pytest.mark.parametrize("C", [0.1, 10.0])
def test_two_classes_are_scikit_learns_pipeline(C):
    labels = (FACTORS > 1.2).astype(np.int64)
    features = pooled_statistics(VALUES)
    expected = pipeline(LogisticRegression(C=C)).fit(features, labels)
    model = fit_pooled(VALUES, labels, BINARY, C=C)
    found = model.decision_function(VALUES)
    np.testing.assert_allclose(found[:, 0], expected.decision_function(features), rtol=1e-9)


def test_several_classes_are_scikit_learns_pipeline():
    features = pooled_statistics(VALUES)
    expected = pipeline(LogisticRegression(C=1.0)).fit(features, CLASSES)
    model = fit_pooled(VALUES, CLASSES, THREE, C=1.0)
    found = model.decision_function(VALUES)
    np.testing.assert_allclose(found, expected.decision_function(features), rtol=1e-9)


def test_two_logits_for_two_classes_have_the_probabilities_of_one():
    labels = (FACTORS > 1.2).astype(np.int64)
    one = fit_pooled(VALUES, labels, BINARY).decision_function(VALUES)
    task = Task("multi-class", ("a", "b"))
    two = fit_pooled(VALUES, labels, task).decision_function(VALUES)
    np.testing.assert_allclose(task.probabilities(two), BINARY.probabilities(one), rtol=1e-9)


def test_a_class_without_training_series_is_never_the_answer():
    task = Task("multi-class", ("a", "rare", "b", "c", "rarer"))
    known = np.array([0, 2, 3])[CLASSES]
    found = fit_pooled(VALUES, known, task, C=1.0).decision_function(VALUES)
    expected = fit_pooled(VALUES, CLASSES, THREE, C=1.0).decision_function(VALUES)
    np.testing.assert_allclose(found[:, [0, 2, 3]], expected, rtol=1e-12)
    rare = expected.mean(1, keepdims=True) - np.log(61)
    np.testing.assert_allclose(found[:, [1, 4]], np.tile(rare, 2), rtol=1e-9)


def test_labels_are_a_regression_each():
    labels = np.stack([FACTORS > 1, FACTORS < 1.3, FACTORS > 0, FACTORS < 0], 1).astype(np.int64)
    task = Task("multi-label", ("high", "low", "always", "never"))
    found = fit_pooled(VALUES, labels, task).decision_function(VALUES)
    for column in (0, 1):
        alone = fit_pooled(VALUES, labels[:, column], BINARY).decision_function(VALUES)
        np.testing.assert_array_equal(found[:, column], alone[:, 0])
    np.testing.assert_array_equal(found[:, 2], np.full(60, np.log(61)))
    np.testing.assert_array_equal(found[:, 3], np.full(60, -np.log(61)))


def test_numbers_are_scikit_learns_ridge_regression():
    numbers = np.stack([FACTORS, -100 * FACTORS + 5], 1)
    task = Task("regression", ("factor", "other"))
    features = pooled_statistics(VALUES)
    expected = pipeline(Ridge(alpha=0.5, solver="svd")).fit(features, numbers)
    model = fit_pooled(VALUES, numbers, task, C=2.0)
    found = model.decision_function(VALUES)
    np.testing.assert_allclose(found, expected.predict(features), rtol=1e-9)
    one = fit_pooled(VALUES, FACTORS, Task("regression", ("factor",)), C=2.0)
    np.testing.assert_allclose(one.decision_function(VALUES), found[:, :1], rtol=1e-9)


def test_each_numbers_penalty_is_chosen_by_leaving_a_series_out():
    noise = np.random.default_rng(3).normal(size=60)
    features = pooled_statistics(VALUES)
    expected = []
    for numbers in (FACTORS, noise):
        errors = []
        for C in CANDIDATES:
            scaled = StandardScaler().fit_transform(features)
            left_out = [
                Ridge(alpha=1 / C)
                .fit(np.delete(scaled, row, 0), np.delete(numbers, row))
                .predict(scaled[[row]])[0]
                - numbers[row]
                for row in range(60)
            ]
            errors.append(np.square(left_out).mean())
        expected.append(CANDIDATES[int(np.argmin(errors))])
    assert expected[0] != expected[1]
    together = fit_pooled(VALUES, np.stack([FACTORS, noise], 1), Task("regression", ("a", "b")))
    for column, (numbers, C) in enumerate(zip((FACTORS, noise), expected, strict=True)):
        alone = fit_pooled(VALUES, numbers, Task("regression", ("a",)), C=C)
        np.testing.assert_allclose(together.coefficients[column], alone.coefficients[0], rtol=1e-9)


def test_noise_is_penalised_more_than_what_statistics_tell(monkeypatch):
    chosen, fit = [], training._regression

    def recorded(features, labels, C):
        chosen.append(C)
        return fit(features, labels, C)

    monkeypatch.setattr(training, "_regression", recorded)
    told = (FACTORS > 1.2).astype(np.int64)
    noise = np.random.default_rng(1).permutation(told)
    fit_pooled(VALUES, told, BINARY)
    fit_pooled(VALUES, noise, BINARY)
    # After five folds with every candidate comes the fit on all series.
    told_C, noise_C = chosen[30], chosen[61]
    assert len(chosen) == 62
    assert noise_C <= 0.01
    assert told_C >= 1


def test_equal_arguments_give_equal_bits():
    first, second = (fit_pooled(VALUES, CLASSES, THREE).to_arrays() for _ in range(2))
    assert {name: one.tobytes() for name, one in first.items()} == {
        name: one.tobytes() for name, one in second.items()
    }


def test_a_class_of_one_series_has_the_default_penalty():
    labels = np.zeros(60, np.int64)
    labels[3] = 1
    found = fit_pooled(VALUES, labels, BINARY)
    expected = fit_pooled(VALUES, labels, BINARY, C=1.0)
    np.testing.assert_array_equal(found.coefficients, expected.coefficients)


def test_two_series_are_enough():
    few = VALUES.take(slice(2))
    assert fit_pooled(few, np.array([0, 1]), BINARY).decision_function(few).argmax() == 1
    task = Task("regression", ("a",))
    assert fit_pooled(few, np.array([0.0, 1.0]), task).decision_function(few).argmax() == 1


def test_where_the_solver_does_not_converge_the_penalty_is_stronger(monkeypatch):
    monkeypatch.setattr(training, "_MOST_STEPS", 15)  # C up to 0.1 takes 13 at most, others 18
    model = fit_pooled(VALUES, CLASSES, THREE, C=1e6)
    expected = fit_pooled(VALUES, CLASSES, THREE, C=0.1)
    np.testing.assert_array_equal(model.coefficients, expected.coefficients)
    monkeypatch.setattr(training, "_MOST_STEPS", 0)
    with pytest.raises(ValueError, match="converges in 0 steps, got none with C from 0.001 to 1.0"):
        fit_pooled(VALUES, CLASSES, THREE, C=1.0)


def test_constant_channels_and_no_steps_are_fitted():
    values = Ragged(np.ones((6, 2), np.float32), offsets_of([1, 2, 0, 3]))
    model = fit_pooled(values, np.array([0, 0, 1, 1]), BINARY)
    assert np.isfinite(model.decision_function(values)).all()


@pytest.mark.parametrize(
    ("targets", "task", "C", "message"),
    [
        (CLASSES, THREE, 0.0, "C above 0 and finite, got 0.0"),
        (CLASSES, THREE, np.inf, "C above 0 and finite, got inf"),
        (CLASSES[:9], THREE, None, r"\(N, ...\) = \(60, ...\)"),
        (CLASSES, BINARY, None, "targets from 0 to 1"),
        (np.zeros(60, np.int64), THREE, None, "two classes, got a alone"),
    ],
    ids=["zero", "infinite", "length", "class", "one class"],
)
def test_what_does_not_fit_is_refused(targets, task, C, message):
    with pytest.raises(ValueError, match=message):
        fit_pooled(VALUES, targets, task, C=C)


def test_many_series_choose_on_some(monkeypatch):
    monkeypatch.setattr(training, "_MOST_CHOOSING", 20)
    rows = training._rows_to_choose_on(60)
    assert len(np.unique(rows)) == 20
    assert rows.max() > 40
    chosen = training._choose(pooled_statistics(VALUES)[rows], CLASSES[rows])
    found = fit_pooled(VALUES, CLASSES, THREE)
    expected = fit_pooled(VALUES, CLASSES, THREE, C=chosen)
    np.testing.assert_array_equal(found.coefficients, expected.coefficients)
