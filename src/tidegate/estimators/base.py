"""What the estimators share: arguments, a training, and a model that answers without PyTorch."""

import os
from collections.abc import Callable, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tidegate.data.preprocessing import TextPreprocessor
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import ArgumentError, DataError
from tidegate.estimators.examples import examples_of
from tidegate.estimators.targets import Targets
from tidegate.estimators.texts import texts_of
from tidegate.estimators.training import train
from tidegate.inference.predictor import Predictor

MOST_SEEDS = 1 << 31
LEAST_EXAMPLES = 2


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A network that ``fit`` trains, and that is kept as a model that answers without PyTorch."""

    model_: Predictor
    history_: list[dict[str, Any]]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model folder, which :func:`tidegate.load` reads.

        The classes of a classifier are named by texts, whatever their type was in ``y``.

        Args:
            path: A folder that is not there yet.

        Raises:
            NotFittedError: The estimator is not fitted.
            FileExistsError: Something is at ``path`` already.
        """
        check_is_fitted(self)
        self.model_.folder.save(Path(path))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")


class TextEstimator(NetworkEstimator):
    """Answers for texts or series; the arguments are those of the classes below it."""

    def __init__(
        self,
        recipe: Any = "default",
        *,
        cell: str = "gru",
        settings: Mapping[str, Any] | None = None,
        threads: int | None = None,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self.recipe = recipe
        self.cell = cell
        self.settings = settings
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose

    def _fit(
        self,
        X: Any,
        y: Any,
        unsupported: Mapping[str, Any],
        read: Callable[[Any, int, str], Targets],
    ) -> Targets:
        """Train on texts and targets, as ``read`` understands them."""
        where = type(self).__name__
        _refuse(unsupported, where)
        examples = examples_of(X, where)
        if len(examples) < LEAST_EXAMPLES:
            noun = "series" if isinstance(examples, SeriesSet) else "texts"
            raise DataError(
                f"{where}: X: expected at least {LEAST_EXAMPLES} {noun}, one to train and one to "
                f"validate on, got {'1 sample' if len(examples) else 'none'}"
            )
        targets = read(y, len(examples), where)
        check_settings(self.settings)
        trained = train(
            examples,
            targets,
            where=where,
            recipe=self.recipe,
            cell=self.cell,
            settings=self.settings,
            threads=self.threads,
            seed=seed_of(self.random_state),
            verbose=self.verbose,
        )
        self.model_, self.history_ = trained.model, trained.history
        return targets

    def _outputs(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        where = f"{type(self).__name__}.predict"
        is_text = isinstance(self.model_.folder.preprocessor, TextPreprocessor)
        return self.model_.outputs(texts_of(X, where) if is_text else examples_of(X, where))

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator: this one reads texts, not tables of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags


def _refuse(unsupported: Mapping[str, Any], where: str) -> None:
    """Refuse arguments of other estimators' ``fit``; None stands for one that was not given."""
    given = [name for name, value in unsupported.items() if value is not None]
    if "sample_weight" in given:
        raise ArgumentError(
            "sample_weight",
            f"expected none, for {where}.fit counts every text once, got weights; for rare classes "
            "there is settings={'training.class_weights': 'balanced'}",
        )
    if given:
        raise TypeError(f"{where}.fit: expected X and y alone, got also {', '.join(given)}")


def check_settings(settings: Any) -> None:
    """Refuse settings that are no dict.

    Raises:
        ArgumentError: With their type.
    """
    if settings is not None and not isinstance(settings, Mapping):
        raise ArgumentError(
            "settings", f"expected a dict of values by their keys, got a {type(settings).__name__}"
        )


def seed_of(random_state: Any) -> int:
    """The seed of a training, by scikit-learn's rule for ``random_state``."""
    if isinstance(random_state, Integral):
        if random_state < 0:
            raise ArgumentError(
                "random_state", f"expected a whole number from 0 on, got {random_state}"
            )
        return int(random_state)
    return int(check_random_state(random_state).randint(MOST_SEEDS))
