"""A classifier of texts or series, as scikit-learn has them."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin

from tidegate.estimators.base import TextEstimator
from tidegate.estimators.targets import targets_of_classes


class Classifier(ClassifierMixin, TextEstimator):  # type: ignore[misc]  # no types
    """A recurrent network that classifies texts or series of numbers.

    It is trained as by :func:`tidegate.train` and answers without PyTorch. The same examples in the
    same versions give the same bits; the recipe's share of them is held out to validate on.

    Args:
        recipe: All training values: ``notebook``, ``fast``, ``default``, ``best``, ``causal``, or
            the path of your own TOML file of them, see ``tidegate recipe``. The default for series
            is ``series``.
        cell: ``rnn``, ``lstm``, ``gru`` (reset after) or ``gru-before``.
        settings: Values that differ from the recipe's, by ``section.key``, or by the key alone
            where one section alone has it; ``training.validation_share`` is one.
        threads: To train on; None for all processors. Where several estimators are fitted side by
            side (``n_jobs``), 1 is faster.
        random_state: The seed of the initial values, the order of the examples, and dropout: a
            whole number, or a ``RandomState`` or None as in scikit-learn.
        verbose: 1 for a line an epoch on stderr.

    Attributes:
        classes_: The classes as they were given, sorted, (C,); of labels, the numbers of their
            columns.
        model_: The :class:`~tidegate.inference.predictor.Predictor` that answers.
        history_: The figures of every epoch, a dict each.

    Example:
        >>> from tidegate import Classifier
        >>> texts = [f"a {word} film, number {n}" for n in range(30) for word in ("good", "bad")]
        >>> classifier = Classifier("fast", settings={"training.epochs": 20})
        >>> classifier.fit(texts, ["yes", "no"] * 30)
        Classifier(recipe='fast', settings={'training.epochs': 20})
        >>> classifier.predict(["a good play", "a bad play"])
        array(['yes', 'no'], dtype='<U3')
    """

    classes_: NDArray[Any]

    def fit(self, X: Any, y: Any, **unsupported: Any) -> Self:
        """Train on labelled texts or series.

        Args:
            X: Texts, N of them: a list or tuple, an array (N,) or (N, 1), a column of pandas or
                polars, or a table of one column. Or N series: an array (N, steps, channels), an
                array (N, steps) of one channel, a list of arrays (steps, channels) or (steps,),
                which may have unequal lengths, or a data frame with a row a step, whose column
                ``series_id`` (or ``id``, ``item_id``) names the series; NaN for a missing value.
            y: A class for every example, (N,), of texts, whole numbers or truth values; or several
                labels, 0 or 1 each, (N, L). The series of a data frame are in the order in which
                they begin.
            unsupported: ``sample_weight`` and others are refused by name.

        Raises:
            ArgumentError, RecipeError: An argument of the estimator is not as it must be.
            DataError: X or y are not, or nothing can be learnt from them.
            DivergedError: The training came to nothing.
        """
        targets = self._fit(X, y, unsupported, targets_of_classes)
        self.classes_ = targets.classes
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of every example, (N,), as in ``y``; of labels 0 or 1 each, (N, L).

        Raises:
            NotFittedError: The estimator is not fitted.
            DataError: Something in X is no text, or no series of the model's channels.
        """
        outputs = self._outputs(X)
        task = self.model_.task
        answers = task.decide(outputs)
        return np.asarray(self.classes_[answers]) if task.has_one_class else answers

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of every class, (N, C), in the order of ``classes_``.

        Of labels, (N, L): that each holds, so that rows do not add up to 1.

        Raises:
            NotFittedError, DataError: As of :meth:`predict`.
        """
        outputs = self._outputs(X)
        return self.model_.task.probabilities(outputs)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
