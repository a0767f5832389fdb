"""sktime's checks of estimators, on tidegate's behind an adapter."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from adapter import NO_RESULTS, PARAMETERS, Adapter, are_independent
from sktime.classification.base import BaseClassifier
from sktime.regression.base import BaseRegressor
from sktime.utils.estimator_checks import check_estimator, parametrize_with_checks

import tidegate

DO_NOT_APPLY = {
    "test_classifier_on_basic_motions": NO_RESULTS,
    "test_class_weight": "it has no argument class_weight: the recipe has class_weights",
    "test_dl_constructor_initializes_deeply": "only for sktime's own networks",
    "test_multiprocessing_idempotent": "it has no argument n_jobs",
    "test_multivariate_input_exception": "it takes series of several channels",
}
"""Checks that do not apply, and the reason; all others pass."""


class SktimeAdapter(Adapter):
    """Takes a list of data frames with a row a step."""

    _tags: ClassVar = {
        "X_inner_mtype": "df-list",
        "capability:multivariate": True,
        "capability:unequal_length": True,
        "capability:random_state": True,
        "property:randomness": "derandomized",
        "capability:categorical_in_X": False,
    }

    @staticmethod
    def arrays_of(X):
        return [np.ascontiguousarray(series.to_numpy(np.float64)) for series in X]

    @classmethod
    def get_test_params(cls, parameter_set="default"):
        return PARAMETERS


class SktimeClassifier(SktimeAdapter, BaseClassifier):
    """Classifies series.

    >>> from test_sktime import SktimeClassifier
    >>> SktimeClassifier(cell="lstm")
    SktimeClassifier(cell='lstm')
    """

    _tags: ClassVar = {"capability:predict_proba": True}
    kind = tidegate.Classifier


class SktimeRegressor(SktimeAdapter, BaseRegressor):
    """Predicts a number for every series.

    >>> from test_sktime import SktimeRegressor
    >>> SktimeRegressor(cell="lstm")
    SktimeRegressor(cell='lstm')
    """

    kind = tidegate.Regressor


@parametrize_with_checks([SktimeClassifier, SktimeRegressor])
def test_estimator(obj, test_name):
    if test_name in DO_NOT_APPLY:
        pytest.skip(DO_NOT_APPLY[test_name])
    results = check_estimator(obj, raise_exceptions=True, tests_to_run=test_name, verbose=False)
    assert {*results.values()} == {"PASSED"}


@pytest.mark.parametrize("kind", [SktimeClassifier, SktimeRegressor])
def test_an_answer_does_not_depend_on_the_other_series(kind):
    assert are_independent(kind, lambda arrays: [pd.DataFrame(array) for array in arrays])
