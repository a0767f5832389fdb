"""Training of the linear model on series: logistic or ridge regression on pooled statistics.

:mod:`tidegate.inference.pooled` has the statistics, and the answers of the trained model.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged
from tidegate.inference.pooled import PooledModel, pooled_statistics
from tidegate.seeding import permutation
from tidegate.task import Task

CANDIDATES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
"""The values of C that cross-validation chooses from, ascending."""
DEFAULT_C = 1.0
"""C where a class has a single series, so that none can be held out: scikit-learn's default."""

_MOST_FOLDS = 5
_MOST_CHOOSING = 5_000
"""C is chosen on at most so many series; the regression is then fitted on all."""
_MOST_STEPS = 1_000
"""Iterations of the solver after which a value of C is given up."""


def fit_pooled(
    values: Ragged, targets: NDArray[Any], task: Task, *, C: float | None = None
) -> PooledModel:
    """Train the linear model on series; equal arguments give equal bits.

    One logistic regression for a task with one class a series, one for each label of a multi-label
    task, and one ridge regression for each number of a regression. A label that no training series
    has, or that all have, gets its smoothed frequency as a constant. A class that no training
    series has is never the answer: its logit is the mean of the others' less log(N + 1).

    Args:
        values: I finite numbers at every step, as a series' preprocessor makes them.
        targets: As the task has them, (N, ...).
        task: What is predicted.
        C: Inverse strength of the penalty on squared coefficients, as in scikit-learn; a ridge
            regression's alpha is 1 / C. By default chosen of :data:`CANDIDATES` by
            cross-validation: the smallest cross-entropy over five stratified folds, or the smallest
            squared error when each series is left out.

    Raises:
        ValueError: C is not above 0, the targets do not fit the series or the task, or all series
            have the same class.
    """
    if C is not None and not 0 < C < np.inf:
        raise ValueError(f"PooledModel: expected C above 0 and finite, got {C}")
    _check(values, targets, task)
    # Imported here: they take most of a second, and only this function needs them.
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    statistics = pooled_statistics(values)
    scaler = StandardScaler().fit(statistics)
    columns = targets.reshape(len(targets), -1)
    # In one thread, for the bits of a product of matrices depend on the number of threads.
    with threadpool_limits(limits=1):
        if task.kind == "regression":
            weights, intercepts = _ridge(scaler.transform(statistics), columns, C)
        elif task.kind == "multi-label":
            fits = [_label(statistics, column, C) for column in columns.T]
            weights, intercepts = (np.concatenate(part) for part in zip(*fits, strict=True))
        else:
            weights, intercepts = _logistic(statistics, targets, C)
            if task.kind == "multi-class":
                occurs = np.isin(np.arange(task.num_outputs), targets)
                weights, intercepts = _for_all_classes(weights, intercepts, occurs, len(targets))
    return PooledModel(scaler.mean_, scaler.scale_, weights, intercepts)


def _check(values: Ragged, targets: NDArray[Any], task: Task) -> None:
    if not len(values) or len(targets) != len(values):
        raise ValueError(
            f"PooledModel: expected targets of (N, ...) = ({len(values)}, ...) and at least one "
            f"series, got {targets.shape}"
        )
    task.check_targets(targets)
    if task.has_one_class and len(np.unique(targets)) < 2:
        raise ValueError(
            "PooledModel: expected series of two classes, got "
            f"{task.named(targets[:1])[0]} alone; add series of another class"
        )


def _label(
    statistics: NDArray[np.float64], labels: NDArray[np.int64], C: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients, (1, F), and intercept, (1,), for one label of several."""
    held, count = int(labels.sum()), len(labels)
    if 0 < held < count:
        return _logistic(statistics, labels, C)
    constant = np.log((held + 1) / (count - held + 1))
    return np.zeros((1, statistics.shape[1])), np.array([constant])


def _logistic(
    statistics: NDArray[np.float64], labels: NDArray[np.int64], C: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients of the standardised statistics, (K, F), and intercepts, (K,)."""
    from sklearn.preprocessing import StandardScaler

    if C is None:
        C = _choose(statistics, labels)
    features = StandardScaler().fit_transform(statistics)
    # A weaker penalty takes the solver more steps: where it gives up, the next stronger one.
    for candidate in (C, *(one for one in CANDIDATES[::-1] if one < C)):
        model = _regression(features, labels, candidate)
        if model is not None:
            return model.coef_, model.intercept_
    raise ValueError(
        f"PooledModel: expected a regression that converges in {_MOST_STEPS} steps, got none with "
        f"C from {CANDIDATES[0]} to {C}"
    )


def _for_all_classes(
    weights: NDArray[np.float64],
    intercepts: NDArray[np.float64],
    occurs: NDArray[np.bool_],
    count: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients, (K, F), and intercepts, (K,), of all classes from those that occur."""
    if len(weights) == 1:  # scikit-learn has one logit for two classes
        weights = np.concatenate([-weights, weights]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    all_weights = np.tile(weights.mean(0), (len(occurs), 1))
    all_intercepts = np.full(len(occurs), intercepts.mean() - np.log(count + 1))
    all_weights[occurs], all_intercepts[occurs] = weights, intercepts
    return all_weights, all_intercepts


def _choose(statistics: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The candidate with the smallest cross-entropy over stratified folds."""
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    rows = _rows_to_choose_on(len(labels))
    classes, counts = np.unique(labels[rows], return_counts=True)
    num_folds = min(_MOST_FOLDS, int(counts.min()))
    if num_folds < 2 or len(classes) < 2:
        return DEFAULT_C
    statistics, labels = statistics[rows], labels[rows]
    losses = np.zeros(len(CANDIDATES))
    for train, held in StratifiedKFold(num_folds).split(statistics, labels):
        scaler = StandardScaler().fit(statistics[train])
        features, others = (scaler.transform(statistics[part]) for part in (train, held))
        for place, C in enumerate(CANDIDATES):
            model = None if np.isinf(losses[place]) else _regression(features, labels[train], C)
            losses[place] += (
                np.inf
                if model is None
                else log_loss(labels[held], model.predict_proba(others), labels=classes)
            )
    return CANDIDATES[int(losses.argmin())]


def _regression(features: NDArray[np.float64], labels: NDArray[np.int64], C: float) -> Any:
    """A fitted logistic regression; None where the solver does not converge."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return LogisticRegression(C=C, max_iter=_MOST_STEPS).fit(features, labels)
        except ConvergenceWarning:
            return None


def _ridge(
    features: NDArray[np.float64], numbers: NDArray[np.float64], C: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients, (K, F), and intercepts, (K,), of a ridge regression for each number."""
    from sklearn.linear_model import Ridge, RidgeCV

    alphas: Any = 1 / (DEFAULT_C if C is None else C)
    rows = _rows_to_choose_on(len(features))
    if C is None and len(rows) > 2:
        candidates: Sequence[float] = [1 / one for one in CANDIDATES]
        search = RidgeCV(candidates, alpha_per_target=True).fit(features[rows], numbers[rows])
        alphas = search.alpha_
    # By singular values: statistics of a channel are collinear, equal where series are short.
    model = Ridge(alphas, solver="svd").fit(features, numbers)
    return model.coef_.reshape(numbers.shape[1], -1), np.atleast_1d(model.intercept_)


def _rows_to_choose_on(count: int) -> NDArray[np.int64]:
    """All rows, or where they are many the same random ones every time, in ascending order."""
    return np.sort(permutation(count, 0, "pooled")[:_MOST_CHOOSING])
