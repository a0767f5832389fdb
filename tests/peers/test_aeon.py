"""aeon's checks of estimators, on tidegate's behind an adapter."""

from typing import ClassVar

import numpy as np
import pytest
from adapter import NO_RESULTS, PARAMETERS, Adapter, are_independent
from aeon.classification import BaseClassifier
from aeon.regression import BaseRegressor
from aeon.testing.estimator_checking import parametrize_with_checks

import tidegate

DO_NOT_APPLY = {
    "check_classifier_against_expected_results": NO_RESULTS,
    "check_regressor_against_expected_results": NO_RESULTS,
}
"""Checks that do not apply, and the reason; all others pass."""


class AeonAdapter(Adapter):
    """Takes series with their channels first, in one array or in a list."""

    _tags: ClassVar = {
        "X_inner_type": ["np-list", "numpy3D"],
        "capability:multivariate": True,
        "capability:unequal_length": True,
        "algorithm_type": "deeplearning",
    }

    @staticmethod
    def arrays_of(X):
        return [np.ascontiguousarray(series.T) for series in X]

    @classmethod
    def _get_test_params(cls, parameter_set="default"):
        return PARAMETERS


class AeonClassifier(AeonAdapter, BaseClassifier):
    """Classifies series."""

    kind = tidegate.Classifier


class AeonRegressor(AeonAdapter, BaseRegressor):
    """Predicts a number for every series."""

    kind = tidegate.Regressor


@parametrize_with_checks([AeonClassifier, AeonRegressor])
def test_estimator(check):
    name = check.func.__name__
    if name in DO_NOT_APPLY:
        assert "No stored results" in check()
        pytest.skip(DO_NOT_APPLY[name])
    assert check() is None


@pytest.mark.parametrize("kind", [AeonClassifier, AeonRegressor])
def test_an_answer_does_not_depend_on_the_other_series(kind):
    assert are_independent(kind, lambda arrays: [array.T for array in arrays])
