"""A labelled data set of series as the arrays that a network reads."""

from typing import Any

import numpy as np

from tidegate.data.examples import Examples
from tidegate.data.prepared import PreparedData, class_counts, num_trained_on
from tidegate.data.preprocessing.audio import AudioPreprocessor
from tidegate.data.preprocessing.series import (
    VALUES,
    SeriesOptions,
    SeriesPreprocessor,
    constant_channels,
    parts_of,
)
from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.series.dataset import SeriesDataset, SeriesSplit
from tidegate.data.series.series_set import SeriesSet
from tidegate.data.series.steps import StepBuffer, release_pages
from tidegate.errors import DataError


def prepare_series(
    dataset: SeriesDataset,
    options: SeriesOptions,
    *,
    validation_share: float,
    limit: int | None = None,
) -> PreparedData:
    """Fit a preprocessor, transform all series, and set the validation part aside.

    Args:
        dataset: The series. Neither the validation nor the test part has a say in the scaling.
        options: How series become numbers.
        validation_share: The end of the training part that validates, as a share of it.
        limit: Use only so many training series, the first ones.

    Raises:
        DataError: Too few series for both a training and a validation part, a missing value where
            these are refused, or classes that cannot be learnt.
    """
    train = dataset.train if limit is None else dataset.train.first(limit)
    num_train = num_trained_on(dataset, validation_share, limit)
    trained = train.series.take(slice(num_train))
    check_series(dataset, train.first(num_train))
    preprocessor: SeriesPreprocessor | AudioPreprocessor
    if dataset.front_end is None:
        preprocessor = SeriesPreprocessor.fit(trained, options)
    else:
        preprocessor = AudioPreprocessor.fit(trained, options, dataset.front_end)
    return PreparedData(
        train=_examples(preprocessor, train.take(slice(0, num_train))),
        validation=_examples(preprocessor, train.take(slice(num_train, len(train)))),
        test=_examples(preprocessor, dataset.test),
        task=dataset.task,
        preprocessor=preprocessor,
        unlabelled=None,
        columns=dataset.columns,
        facts={
            "kind": preprocessor.kind,
            "name": dataset.name,
            "source": dataset.source,
            "num_train": num_train,
            "num_validation": len(train) - num_train,
            "num_test": len(dataset.test),
            "columns": None if dataset.columns is None else dataset.columns.to_json(),
            "class_counts": {
                part: class_counts(dataset.task, labels)
                for part, labels in (("training", train.labels), ("test", dataset.test.labels))
            },
            "notes": [*dataset.notes, *_notes(dataset, trained)],
            **({"test_is_validation": True} if dataset.test_is_validation else {}),
            "channels": len(preprocessor.channels),
            "numbers_a_step": preprocessor.input_size,
            **_counts("training", train),
            **_counts("test", dataset.test),
        },
    )


def check_series(dataset: SeriesDataset, train: SeriesSplit) -> None:
    """Refuse series that nothing can be learnt from.

    Raises:
        DataError: There are none with a step, or the training series have one class alone.
    """
    task = dataset.task
    missing = task.missing(train.labels)
    if task.has_one_class and len(task.classes) - len(missing) < 2:
        raise DataError(
            f"{dataset.name}: expected training series of two classes, got {len(train)} of class "
            f"{task.named(train.labels[:1])[0]} alone; take more series"
        )
    for part, series in (("training", train.series), ("test", dataset.test.series)):
        if not series.num_steps:
            raise DataError(
                f"{dataset.name}: expected steps in the {part} series, got none in {len(series):,}"
            )


def _examples(preprocessor: SeriesPreprocessor | AudioPreprocessor, split: SeriesSplit) -> Examples:
    """The arrays of series; where they are large, as memory maps of temporary files."""
    values = StepBuffer(np.float32, preprocessor.input_size)
    lengths = [np.empty(0, np.int64)]
    for part in parts_of(split.series):
        read = preprocessor.transform(part)[VALUES]
        values.append(read.values)
        lengths.append(read.lengths())
    release_pages(split.series.values.values)
    array = Ragged(values.array(), offsets_of(np.concatenate(lengths)))
    return Examples({VALUES: array}, split.labels)


def _notes(dataset: SeriesDataset, trained: SeriesSet) -> list[str]:
    constant = [
        name for name in constant_channels(trained) if not any(name in one for one in dataset.notes)
    ]
    if not constant:
        return []
    listed = ", ".join(constant[:8]) + (", ..." if len(constant) > 8 else "")
    return [f"channels that have one value at every step of the training part: {listed}"]


def _counts(part: str, split: SeriesSplit) -> dict[str, Any]:
    lengths = split.series.values.lengths()
    return {
        f"{part}_steps": int(lengths.sum()),
        f"{part}_shortest": int(lengths.min(initial=lengths.max(initial=0))),
        f"{part}_longest": int(lengths.max(initial=0)),
        f"{part}_missing": int(np.isnan(split.series.values.values).sum()),
        f"{part}_sha256": split.fingerprint(),
    }
