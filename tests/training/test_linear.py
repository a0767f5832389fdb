"""The linear model beside networks on series: its parts, and its blend with a network."""

from functools import cache

import numpy as np
import pytest

from tidegate.data.examples import Examples
from tidegate.data.preprocessing.series import VALUES, SeriesOptions, SeriesPreprocessor
from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.series.series_set import SeriesSet
from tidegate.evaluation.blend import fit_blend
from tidegate.inference.pooled import PooledModel
from tidegate.model.pooled_statistics import fit_pooled
from tidegate.task import Task
from tidegate.training.linear import LinearBranch, inference_parts, pooled_description

BINARY = Task("binary", ("calm", "wild"))
THREE = Task("multi-class", ("a", "b", "c"))
LABELS = Task("multi-label", ("high", "odd"))
NUMBERS = Task("regression", ("factor",))


def examples(task, count, seed):
    """Series whose factor tells their answer, roughly."""
    random = np.random.default_rng(seed)
    factors = random.uniform(0.5, 2, count)
    lengths = random.integers(3, 12, count)
    scaled = random.normal(size=(lengths.sum(), 2)) * np.repeat(factors, lengths)[:, None]
    values = Ragged(scaled.astype(np.float32), offsets_of(lengths))
    targets = {
        "binary": (factors > 1.2).astype(np.int64),
        "multi-class": np.digitize(factors, [1.0, 1.5]),
        "multi-label": np.stack([factors > 1.2, lengths % 2 == 1], 1).astype(np.int64),
        "regression": factors,
    }[task.kind]
    return Examples({VALUES: values}, targets)


def parts(task):
    return [examples(task, count, seed) for seed, count in enumerate((60, 40, 30))]


@cache
def trained(task):
    return LinearBranch.train_on_series(task, *parts(task))


@pytest.mark.parametrize("task", [BINARY, THREE, LABELS, NUMBERS], ids=lambda task: task.kind)
def test_it_learns_the_training_part_and_answers_the_others(task):
    train, validation, test = parts(task)
    branch = trained(task)
    expected = fit_pooled(train.inputs[VALUES], train.targets, task)
    assert isinstance(branch.model, PooledModel)
    np.testing.assert_array_equal(branch.model.coefficients, expected.coefficients)
    for part, found in ((validation, branch.validation), (test, branch.test)):
        np.testing.assert_array_equal(found, expected.decision_function(part.inputs[VALUES]))
        np.testing.assert_array_equal(branch.answer(part), found)
        assert found.shape == (len(part), task.num_outputs)


@pytest.mark.parametrize("task", [BINARY, THREE], ids=lambda task: task.kind)
def test_the_blend_is_fitted_on_the_validation_part(task):
    branch = trained(task)
    targets = parts(task)[1].targets
    network = np.random.default_rng(3).normal(size=branch.validation.shape)
    expected = fit_blend({"network": network, "linear": branch.validation}, targets)
    assert branch.blend(network, targets) == expected
    assert expected.weights["linear"] > 0.5


def test_labels_share_the_weights_of_the_blend():
    branch, validation = trained(LABELS), parts(LABELS)[1]
    network = np.random.default_rng(3).normal(size=(40, 2))
    blend = branch.blend(network, validation.targets)
    flat = {"network": network.reshape(-1), "linear": branch.validation.reshape(-1)}
    assert blend == fit_blend(flat, validation.targets.reshape(-1))
    both = blend.combine({"network": network, "linear": branch.validation})
    assert both.shape == (40, 2)
    np.testing.assert_array_equal(both.reshape(-1), blend.combine(flat))


def test_a_regression_stands_beside_the_network():
    branch = trained(NUMBERS)
    assert not branch.has_blend
    with pytest.raises(ValueError, match="expected a classification for a blend, got regression"):
        branch.blend(branch.validation, parts(NUMBERS)[1].targets)


def test_a_model_folder_keeps_what_is_blended():
    series = SeriesSet.from_arrays([np.eye(2)])
    preprocessor = SeriesPreprocessor.fit(series, SeriesOptions())
    blended = trained(BINARY)
    beside = trained(NUMBERS)
    assert inference_parts(preprocessor, blended) == (preprocessor, blended.model)
    assert inference_parts(preprocessor, beside) == (preprocessor, None)
    assert inference_parts(preprocessor, None) == (preprocessor, None)


def test_descriptions_name_the_regression():
    assert pooled_description(THREE) == "logistic regression on pooled statistics"
    assert pooled_description(NUMBERS) == "ridge regression on pooled statistics"
