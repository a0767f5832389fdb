"""Texts for an estimator, out of the containers that they come in."""

from typing import Any

import numpy as np

from tidegate.errors import DataError

EXPECTED = (
    "a list, tuple, one-dimensional array or column of texts, or a table or array of one column"
)


def texts_of(X: Any, where: str) -> list[str]:
    """The texts as a list.

    Args:
        X: A list or tuple; a NumPy array of texts or objects, (N,) or (N, 1); a column of pandas
            or polars; or a table of one column.
        where: Begins the message of an error.

    Raises:
        DataError: Another container or shape, or something in it that is no text.
    """
    texts = _values(X, where)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            got = "none" if text is None else f"{type(text).__name__} {str(text)[:40]!r}"
            raise DataError(f"{where}: X: expected texts, got {got} at index {number}")
        if not text.isascii() and not _is_whole(text):
            raise DataError(
                f"{where}: X: expected whole characters, got half a surrogate pair at index "
                f"{number}: {text[:40]!r}"
            )
    return texts


def _values(X: Any, where: str) -> list[Any]:
    if isinstance(X, list | tuple):
        return [*X]
    if isinstance(X, np.ndarray):
        if X.ndim == 2 and X.shape[1] == 1:
            X = X[:, 0]
        if X.ndim != 1:
            raise DataError(f"{where}: X: expected {EXPECTED}, got an array of shape {X.shape}")
        if X.dtype.kind not in "UOT":
            raise DataError(f"{where}: X: expected texts, got an array of dtype {X.dtype}")
        return [*X.tolist()]
    columns = getattr(X, "columns", None)
    if columns is not None:
        names = [*columns]
        if len(names) != 1:
            listed = ", ".join(str(name) for name in names[:5]) + (", ..." if names[5:] else "")
            raise DataError(
                f"{where}: X: expected a table of one column, the texts, got one of {len(names)}: "
                f"{listed}; give the column of the texts"
            )
        X = X[names[0]]
    if not hasattr(X, "to_list"):
        got = "one text; give [text]" if isinstance(X, str) else f"a {type(X).__name__}"
        raise DataError(f"{where}: X: expected {EXPECTED}, got {got}")
    return [*X.to_list()]


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
