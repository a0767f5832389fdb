"""Labelled examples that a trained model is measured on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tidegate.application.own_files import AnyPath, Dataset, OwnOptions, make_own
from tidegate.data import own_texts, sources
from tidegate.data import series as own_series
from tidegate.data.columns import Columns
from tidegate.data.own_texts import OwnTexts
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.dataset import SeriesDataset
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import ArgumentError, DataError
from tidegate.inference.predictor import Predictor


@dataclass(frozen=True)
class Labelled:
    """Labelled texts or series for a trained model."""

    examples: list[str] | SeriesSet
    targets: NDArray[Any]
    """As :class:`~tidegate.task.Task` describes."""
    source: str
    """Where they come from, and what was left out: for the user."""


def labelled(
    model: Predictor, dataset: Dataset, options: OwnOptions, data: AnyPath | None = None
) -> Labelled:
    """What a trained model is to be measured on: the user's files, or a data set's test part.

    Args:
        model: The files' columns are those of its training, where ``options`` name no others.
        dataset, options: As of :func:`make_own`.
        data: The user's copy of the data set.

    Raises:
        ArgumentError: Options that contradict each other, or a column that is missing.
        DataError: A file cannot be read, or has an answer that the model does not know.
    """
    columns, preprocessor = model.folder.columns, model.folder.preprocessor
    if preprocessor.kind == "series":
        options = with_columns(options, columns)
    given = make_own(dataset, options)
    if given.kind != preprocessor.kind:
        raise DataError(
            f"evaluate: expected data of the kind {preprocessor.kind} for this model, got "
            f"{given.kind}"
        )
    if given.own is None:
        return _test_part(model, given.name, None if data is None else Path(data))
    if data is not None:
        raise ArgumentError("data", "expected it beside a data set of tidegate's, got own files")
    rows: Any
    if isinstance(given.own, OwnTexts):
        rows = own_texts.load_labelled(
            given.own, model.task, columns if isinstance(columns, Columns) else None
        )
        examples = rows.texts
    else:
        assert not isinstance(columns, Columns)
        rows = own_series.load_labelled(given.own, model.task, columns, preprocessor.channels)
        examples = rows.series
    source = ", ".join(given.own.files)
    if rows.num_bad:
        source += f"; {rows.num_bad:,} bad rows are left out: {'; '.join(rows.bad)}"
    return Labelled(examples, rows.targets, source)


def with_columns(options: OwnOptions, columns: Columns | SeriesColumns | None) -> OwnOptions:
    """Options in which the columns of a training on series stand where the user names none."""
    if not isinstance(columns, SeriesColumns):
        return options
    trained = {
        "series_id": columns.series_id,
        "time": columns.time,
        "values": columns.values,
    }
    added = {name: value for name, value in trained.items() if value}
    return {**added, **options}  # type: ignore[typeddict-item]


def _test_part(model: Predictor, name: str, path: Path | None) -> Labelled:
    """The test part of a data set of tidegate's."""
    dataset = sources.load(name, path)
    if model.task != dataset.task:
        raise DataError(
            f"evaluate: expected a data set of the model's task, {model.task.kind} with the "
            f"classes {', '.join(model.classes)}, got {dataset.task.kind} with "
            f"{', '.join(dataset.task.classes)}"
        )
    test = dataset.test
    examples = test.series if isinstance(dataset, SeriesDataset) else test.texts
    return Labelled(examples, test.labels, f"{name}, from {dataset.source}")
