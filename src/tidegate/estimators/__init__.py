"""Estimators of scikit-learn's kind on texts: :class:`Classifier` and :class:`Regressor`.

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
from tidegate.estimators.regressor import Regressor

__all__ = ["Classifier", "Regressor"]
