"""Forecasts without a network, at the same points in time as the networks' test."""

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from tidegate.data.preprocessing.filling import carried
from tidegate.data.windows import Windows
from tidegate.evaluation.forecast_baselines import (
    MOST_SEASONS,
    MOST_STEPS,
    exponential_smoothing,
    seasonal_naive,
)
from tidegate.evaluation.metrics import measure_predictions
from tidegate.runs.model_results import BaselineModel
from tidegate.task import Task

Array = NDArray[np.float64]


def forecasts(task: Task, windows: Windows) -> Iterator[tuple[BaselineModel, Array]]:
    """The seasonal naive forecast and, where statsmodels is installed, exponential smoothing.

    Each is made at every origin from the steps before it.

    Args:
        task: A forecast.
        windows: Those of the test.
    """
    naive = "seasonal naive: the last value of the same season"
    if task.season_length == 1:
        naive = "naive: the last value"
    begin = time.perf_counter()
    predictions = _at_origins(task, windows, lambda past: seasonal_naive(past, *_of(task)))
    yield _baseline("naive", naive, task, predictions, windows, begin)
    if not _has_statsmodels():
        return
    methods: set[str] = set()

    def smooth(past: Array) -> Array:
        fitted = exponential_smoothing(past, *_of(task))
        methods.add(fitted.method)
        return fitted.quantiles

    begin = time.perf_counter()
    predictions = _at_origins(task, windows, smooth)
    name = f"exponential smoothing by statsmodels ({', '.join(sorted(methods))})"
    yield _baseline("smoothing", name, task, predictions, windows, begin)


def _of(task: Task) -> tuple[int, int, tuple[float, ...]]:
    return task.horizon, task.season_length, task.quantiles


def _at_origins(task: Task, windows: Windows, make: Callable[[Array], Array]) -> Array:
    """Forecasts of every channel at every origin, (N, H * C * Q)."""
    longest = max(MOST_SEASONS * task.season_length, MOST_STEPS)
    count = len(task.classes)
    rows = []
    places = zip(*(one.tolist() for one in windows.places(np.arange(len(windows)))), strict=True)
    for series, origin in places:
        past = windows.series.values[series][max(origin - longest, 0) : origin, :count]
        # Where a channel has no value yet, its targets are missing, and any forecast is left out.
        filled = carried(np.where(np.isnan(past).all(0), 0.0, past).astype(np.float64))
        # (C, H, Q) to (H, C, Q).
        made = np.stack([make(filled[:, channel]) for channel in range(count)])
        rows.append(made.transpose(1, 0, 2).reshape(-1))
    return task.predictions(np.array(rows))


def _baseline(
    name: str, description: str, task: Task, predictions: Array, windows: Windows, begin: float
) -> tuple[BaselineModel, Array]:
    metrics = measure_predictions(task, predictions, windows.targets)
    return BaselineModel(name, description, metrics, time.perf_counter() - begin), predictions


def _has_statsmodels() -> bool:
    from importlib.util import find_spec

    return find_spec("statsmodels") is not None
