"""scikit-learn's own checks of estimators, through an adapter that writes its numbers as texts.

None is expected to fail.
"""

import os
import tempfile
from pathlib import Path

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from estimator_samples import TINY
from tidegate import Classifier, Regressor

MEMORY = Path("/dev/shm")


@pytest.fixture(autouse=True, scope="module")
def runs_in_memory():
    """Run folders in memory where there is such a place: a fit syncs some 40 files."""
    with pytest.MonkeyPatch.context() as patch:
        if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
            patch.setattr(tempfile, "tempdir", str(MEMORY))
        yield


class OfNumbers:
    """Rows of numbers as texts: ``f0=1.25 f1=-3``."""

    def fit(self, X, y, **options):
        return super().fit(as_texts(validate_data(self, X)), y, **options)

    def _outputs(self, X):
        check_is_fitted(self)
        return super()._outputs(as_texts(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, False
        tags.input_tags.string = False
        # One epoch of four units learns nothing: the checks are of the conventions.
        if tags.classifier_tags is not None:
            tags.classifier_tags.poor_score = True
        if tags.regressor_tags is not None:
            tags.regressor_tags.poor_score = True
        return tags


def as_texts(X):
    return [" ".join(f"f{name}={value:.2f}" for name, value in enumerate(row)) for row in X]


class NumberClassifier(OfNumbers, Classifier):
    pass


class NumberRegressor(OfNumbers, Regressor):
    pass


@parametrize_with_checks(
    [NumberClassifier(settings=TINY, threads=1), NumberRegressor(settings=TINY, threads=1)]
)
def test_scikit_learns_check(estimator, check):
    check(estimator)
