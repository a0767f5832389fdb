"""Estimators of scikit-learn's kind: :class:`Classifier`, :class:`Regressor`, :class:`Forecaster`.

They follow its conventions, so that pipelines, searches and cross-validation take them.
"""

from tidegate.errors import MissingPackageError

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise MissingPackageError(
        "tidegate.estimators: expected the package scikit-learn, got none; "
        "pip install 'tidegate[train]'"
    ) from error

from tidegate.estimators.classifier import Classifier
from tidegate.estimators.forecaster import Forecaster
from tidegate.estimators.regressor import Regressor

__all__ = ["Classifier", "Forecaster", "Regressor"]
