"""Weighted metrics against scikit-learn on the samples themselves, and intervals."""

import numpy as np
import pytest
from scipy.stats import pearsonr

from tidegate.evaluation import bootstrap
from tidegate.evaluation.metrics import measure_predictions
from tidegate.evaluation.weighted_auc import WeightedAUC
from tidegate.evaluation.weighted_metrics import weighted_metrics
from tidegate.task import Task

BINARY = Task("binary", ("a", "b"))
CLASSES = Task("multi-class", ("a", "b", "c", "d"))
LABELS = Task("multi-label", ("a", "b", "c"))
NUMBERS = Task("regression", ("x", "y"))
TASKS = [BINARY, CLASSES, LABELS, Task("multi-label", ("a",)), NUMBERS, Task("regression", ("x",))]


def drawn(task, count, seed=0, *, rounded=False):
    """Predictions and targets that have something to do with each other."""
    draws = np.random.default_rng(seed)
    size = len(task.classes)
    if task.kind == "regression":
        targets = draws.normal(size=(count, size)) + 5
        return targets + draws.normal(size=(count, size)), targets
    if task.kind == "multi-label":
        targets = draws.integers(0, 2, (count, size))
        scores = draws.normal(size=(count, size)) + 2 * targets - 1
        return 1 / (1 + np.exp(-scores)), targets
    targets = draws.integers(0, size, count)
    scores = draws.normal(size=(count, size)) + np.eye(size)[targets]
    scores = scores.round() if rounded else scores  # with ties
    return np.exp(scores) / np.exp(scores).sum(1, keepdims=True), targets


def one_by_one(task, predictions, targets, weights):
    """The metrics of every sample, written out and measured by scikit-learn."""
    rows = [np.repeat(np.arange(len(targets)), copies) for copies in weights.T]
    return [measure_predictions(task, predictions[row], targets[row]) for row in rows]


@pytest.mark.parametrize("rounded", [False, True], ids=["", "ties"])
@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.kind} {len(task.classes)}")
def test_metrics_of_samples_are_those_that_scikit_learn_gives(task, rounded):
    predictions, targets = drawn(task, 80, rounded=rounded)
    weights = np.random.default_rng(1).multinomial(80, np.full(80, 1 / 80), 6).T.astype(np.int32)
    values = weighted_metrics(task, predictions, targets)(weights)
    for number, expected in enumerate(one_by_one(task, predictions, targets, weights)):
        assert {*values} == {metric.name for metric in task.metrics}
        # The bins of the calibration error are those of all examples, not drawn anew.
        for name in {*expected} - {"calibration_error"}:
            assert values[name][number] == pytest.approx(expected[name], rel=1e-9), name


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.kind} {len(task.classes)}")
def test_with_equal_weights_all_metrics_are_those_of_the_examples(task):
    predictions, targets = drawn(task, 200)
    values = weighted_metrics(task, predictions, targets)(np.ones((200, 1), np.int32))
    expected = measure_predictions(task, predictions, targets)
    assert {name: one[0] for name, one in values.items()} == pytest.approx(expected, rel=1e-9)


def test_where_a_class_is_missing_from_a_sample_its_metrics_are_as_defined():
    predictions, targets = drawn(CLASSES, 40)
    weights = np.stack([targets != 2, np.full(40, True)], axis=1).astype(np.int32)
    values = weighted_metrics(CLASSES, predictions, targets)(weights)
    without, _ = one_by_one(CLASSES, predictions, targets, weights)
    assert "roc_auc" not in without
    assert np.isnan(values["roc_auc"]).tolist() == [True, False]
    for name in ("balanced_accuracy", "macro_f1", "loss"):
        assert values[name][0] == pytest.approx(without[name])


def test_equal_numbers_in_a_sample_have_no_correlation():
    targets = np.array([[0.1], [0.1], [0.1], [0.7], [0.4]])
    predictions = np.array([[1.0], [2.0], [3.0], [3.0], [3.0]])
    weights = np.array([[1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [1, 1, 1, 1, 1]], np.int32).T
    values = weighted_metrics(Task("regression", ("x",)), predictions, targets)(weights)
    assert np.isnan(values["r2"]).tolist() == [True, False, False]
    assert np.isnan(values["correlation"]).tolist() == [True, True, False]
    whole = pearsonr(targets[:, 0], predictions[:, 0])[0]
    assert values["correlation"][2] == pytest.approx(whole)


def test_area_under_the_curve_by_pairs():
    draws = np.random.default_rng(5)
    scores, is_positive = draws.integers(0, 6, 50) / 6.0, draws.random(50) < 0.3
    weights = draws.integers(0, 4, (50, 3)).astype(np.int32)
    found = WeightedAUC(scores, is_positive)(weights)
    for number in range(3):
        rows = np.repeat(np.arange(50), weights[:, number])
        above = scores[rows][is_positive[rows]][:, None] - scores[rows][~is_positive[rows]]
        assert found[number] == pytest.approx(((above > 0) + (above == 0) / 2).mean())


def test_samples_are_the_same_for_all_models_and_every_time():
    predictions, targets = drawn(CLASSES, 60)
    other = predictions[::-1]
    both = bootstrap.resample(CLASSES, {"one": predictions, "two": other}, targets)
    alone = bootstrap.resample(CLASSES, {"two": other}, targets)
    for name, values in alone["two"].items():
        np.testing.assert_array_equal(values, both["two"][name])
        assert len(values) == bootstrap.NUM_RESAMPLES
    another = bootstrap.resample(CLASSES, {"two": other}, targets, seed=1)
    assert (another["two"]["loss"] != alone["two"]["loss"]).any()


def test_samples_do_not_depend_on_how_many_are_held_at_once(monkeypatch):
    predictions, targets = drawn(BINARY, 60)
    whole = bootstrap.resample(BINARY, {"one": predictions}, targets, num_resamples=50)
    monkeypatch.setattr(bootstrap, "MOST_AT_ONCE", 60 * 7)
    parts = bootstrap.resample(BINARY, {"one": predictions}, targets, num_resamples=50)
    for name, values in whole["one"].items():
        np.testing.assert_allclose(values, parts["one"][name], rtol=1e-12)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """Of 95 %, with 200 trials, 0.95 +- 4 times 0.0154, and somewhat less for so few examples."""
    truth = {}
    predictions, targets = drawn(BINARY, 400_000, seed=99)
    truth = measure_predictions(BINARY, predictions, targets)
    names, num_trials = ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "loss"), 200
    covered = dict.fromkeys(names, 0)
    for trial in range(num_trials):
        predictions, targets = drawn(BINARY, 200, seed=trial)
        metrics = measure_predictions(BINARY, predictions, targets)
        samples = bootstrap.resample(BINARY, {"one": predictions}, targets, num_resamples=200)
        bounds = bootstrap.intervals(metrics, samples["one"])
        for name in names:
            covered[name] += bounds[name][0] <= truth[name] <= bounds[name][1]
    shares = {name: count / num_trials for name, count in covered.items()}
    assert all(0.87 <= share <= 0.995 for share in shares.values()), shares


def test_an_accuracys_interval_is_nearly_the_binomial_one():
    is_right = np.arange(1000) < 800
    predictions = np.where(is_right[:, None], [[0.3, 0.7]], [[0.7, 0.3]])
    samples = bootstrap.resample(BINARY, {"one": predictions}, np.ones(1000, np.int64))
    low, high = bootstrap.interval("accuracy", 0.8, samples["one"]["accuracy"])
    half = 1.96 * (0.8 * 0.2 / 1000) ** 0.5
    assert (low, high) == pytest.approx((0.8 - half, 0.8 + half), abs=0.003)


def test_where_the_examples_do_not_tell_there_is_no_interval():
    same, undefined = np.full(100, 0.5), np.linspace(0, 1, 100)
    assert bootstrap.interval("accuracy", 0.5, same) is None
    undefined[:6] = np.nan
    assert bootstrap.interval("roc_auc", 0.5, undefined) is None
    undefined[:2] = 0
    assert bootstrap.interval("roc_auc", 0.5, undefined) is not None
    assert bootstrap.interval("r2", 0.5, np.full(100, np.nan)) is None


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.kind} {len(task.classes)}")
def test_one_example_has_no_intervals(task):
    predictions, targets = drawn(task, 1)
    metrics = measure_predictions(task, predictions, targets)
    samples = bootstrap.resample(task, {"one": predictions}, targets)
    bounds = bootstrap.intervals(metrics, samples["one"])
    assert bounds == dict.fromkeys(metrics)


def test_a_calibrated_classifiers_interval_reaches_down_from_its_error():
    """What chance adds to the error is taken off, and the error itself stays inside."""
    draws = np.random.default_rng(8)
    second = draws.uniform(size=2000)
    predictions = np.stack([1 - second, second], axis=1)
    targets = (draws.random(2000) < second).astype(np.int64)
    error = measure_predictions(BINARY, predictions, targets)["calibration_error"]
    samples = bootstrap.resample(BINARY, {"one": predictions}, targets)
    values = samples["one"]["calibration_error"]
    assert np.quantile(values, 0.025) > 0.8 * error  # by percentiles it would lie higher
    low, high = bootstrap.interval("calibration_error", error, values)
    assert 0 <= low < 0.7 * error
    assert high >= error
