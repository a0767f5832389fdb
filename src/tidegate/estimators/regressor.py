"""A regressor on texts or series, as scikit-learn has them."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from tidegate.estimators.base import TextEstimator
from tidegate.estimators.targets import targets_of_numbers


class Regressor(RegressorMixin, TextEstimator):  # type: ignore[misc]  # no types
    """A recurrent network that predicts one number or several for a text or a series.

    It learns the numbers as they are given: large ones should be scaled, as
    :class:`sklearn.compose.TransformedTargetRegressor` does.

    Args:
        recipe, cell, settings, threads, random_state, verbose: As of
            :class:`~tidegate.estimators.classifier.Classifier`. A recipe's linear model classifies,
            and is left out.

    Attributes:
        model_: The :class:`~tidegate.inference.predictor.Predictor` that answers.
        history_: The figures of every epoch, a dict each.
    """

    def fit(self, X: Any, y: Any, **unsupported: Any) -> Self:
        """Train on texts or series with numbers.

        Args:
            X: Texts or series, N of them, as of :meth:`Classifier.fit`.
            y: Finite numbers, (N,) or (N, k).
            unsupported: ``sample_weight`` and others are refused by name.

        Raises:
            ArgumentError, RecipeError: An argument of the estimator is not as it must be.
            DataError: X or y are not, or nothing can be learnt from them.
            DivergedError: The training came to nothing.
        """
        self._fit(X, y, unsupported, targets_of_numbers)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The number of every example, (N,), or its numbers, (N, k), as in ``y``.

        Raises:
            NotFittedError: The estimator is not fitted.
            DataError: Something in X is no text, or no series of the model's channels.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
