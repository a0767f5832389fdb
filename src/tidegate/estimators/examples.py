"""What an estimator is given: texts, or series of numbers."""

from typing import Any

import numpy as np

from tidegate.data.own_series.columns import ID_NAMES
from tidegate.data.series.given import is_frame, series_of
from tidegate.data.series.series_set import SeriesSet
from tidegate.estimators.texts import texts_of


def examples_of(X: Any, where: str) -> list[str] | SeriesSet:
    """The examples, as texts or as series.

    Args:
        X: Texts as of :func:`~tidegate.estimators.texts.texts_of`; or series as of
            :func:`~tidegate.data.series.given.series_of`.
        where: Begins the message of an error.

    Raises:
        DataError: It is neither.
    """
    if are_series(X):
        return series_of(X, where=f"{where}: X")
    return texts_of(X, where)


def are_series(X: Any) -> bool:
    """Whether X holds series: a set of them, an array of numbers, a list of arrays, or a data frame
    of several columns of which one names the series, such as ``series_id`` or ``id``."""
    if isinstance(X, SeriesSet):
        return True
    if is_frame(X):
        names = [str(name).lower() for name in X.columns]
        return len(names) > 1 and any(name in ID_NAMES for name in names)
    if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
        return X.ndim == 3 or (X.ndim == 2 and X.shape[1] > 1)
    if not isinstance(X, list | tuple) and not (isinstance(X, np.ndarray) and X.ndim == 1):
        return False
    first = X[0] if len(X) else None
    return isinstance(first, np.ndarray) and first.ndim in (1, 2) and first.dtype.kind in "fiub"
