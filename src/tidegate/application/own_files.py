"""What is said of the user's own files: options of Python and of the command line alike."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from numpy.typing import NDArray

from tidegate.data import sources
from tidegate.data.columns import Columns
from tidegate.data.own_texts import OwnTexts, load_labelled, name_of
from tidegate.data.tables import looks_like_a_path, open_table
from tidegate.errors import ArgumentError, DataError
from tidegate.inference.predictor import Predictor

AnyPath = str | os.PathLike[str]
Dataset = AnyPath | Sequence[AnyPath]
"""The name of a data set of tidegate's, or one or several files of the user's."""


class OwnOptions(TypedDict, total=False):
    """How files of your own are read; for data sets of tidegate's there is none of these.

    Columns that are not named are found by their names and what is in them, or asked for.
    """

    text: str
    """The column of the texts."""
    label: str
    """The column of the classes, one a text."""
    labels: Sequence[str]
    """Several labels a text: columns of 0 and 1, or one column with a ``separator``."""
    separator: str
    """What stands between the labels of a text."""
    target: str | Sequence[str]
    """Columns of numbers to be predicted."""
    test: Dataset
    """Files of the test part; without, a share of the rows is held out by a hash."""
    validation: Dataset
    """Files of the validation part."""
    split: str
    """The column that says of each row train, validation or test."""
    group: str
    """The column whose equal values stay in one part, such as an author."""
    test_share: float
    """The share of the rows that is held out for the test, 0.2 by default."""
    delimiter: str
    """The character between the fields of CSV, a comma by default."""
    skip_bad_rows: bool
    """Leave rows out that cannot be used, and count them, rather than refuse them."""


def make_own(dataset: Dataset, options: OwnOptions) -> tuple[str, OwnTexts | None]:
    """The name of a data set and, where it is files of the user's, how they are read.

    Raises:
        ArgumentError: Options that contradict each other, or are of no use here.
        DataError: There is no such data set or file.
    """
    given = [dataset] if isinstance(dataset, str | os.PathLike) else [*dataset]
    names = [os.fspath(name) for name in given]
    if not names:
        raise ArgumentError("dataset", "expected the name of a data set or files, got none")
    if (len(names) == 1 and not looks_like_a_path(names[0])) or names[0] in sources.names():
        if len(names) > 1:
            raise ArgumentError("dataset", f"expected one data set or files, got {names}")
        _refuse_beside_name(names[0], options)
        return _known(names[0]), None
    target = options.get("target", ())
    own = OwnTexts(
        files=_absolute(names),
        test=_absolute(options.get("test", ())),
        validation=_absolute(options.get("validation", ())),
        columns=Columns(
            text=options.get("text"),
            label=options.get("label"),
            labels=tuple(options.get("labels", ())),
            separator=options.get("separator"),
            target=(target,) if isinstance(target, str) else tuple(target),
            split=options.get("split"),
            group=options.get("group"),
        ),
        test_share=options.get("test_share", 0.2),
        delimiter=options.get("delimiter"),
        skip_bad_rows=options.get("skip_bad_rows", False),
    )
    if not 0.001 <= own.test_share <= 0.9:
        raise ArgumentError(
            "test_share", f"expected a share from 0.001 to 0.9, got {own.test_share}"
        )
    own.check()
    for path in (*own.files, *own.test, *own.validation):
        open_table(Path(path), delimiter=own.delimiter)
    return name_of([Path(path) for path in own.files]), own


@dataclass(frozen=True)
class Labelled:
    """Labelled texts for a trained model."""

    texts: list[str]
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
    name, own = make_own(dataset, options)
    if own is None:
        texts = sources.load(name, None if data is None else Path(data))
        if model.task != texts.task:
            raise DataError(
                f"evaluate: expected a data set of the model's task, {model.task.kind} with the "
                f"classes {', '.join(model.classes)}, got {texts.task.kind} with "
                f"{', '.join(texts.task.classes)}"
            )
        return Labelled(texts.test.texts, texts.test.labels, f"{name}, from {texts.source}")
    if data is not None:
        raise ArgumentError("data", "expected it beside a data set of tidegate's, got own files")
    columns = model.folder.columns
    rows = load_labelled(own, model.task, columns if isinstance(columns, Columns) else None)
    source = ", ".join(own.files)
    if rows.num_bad:
        source += f"; {rows.num_bad:,} bad rows are left out: {'; '.join(rows.bad)}"
    return Labelled(rows.texts, rows.targets, source)


def _known(name: str) -> str:
    try:
        return sources.get(name).name
    except DataError as error:
        raise DataError(f"{error}; of your own, give a file, such as {name}.csv") from None


def _refuse_beside_name(name: str, options: OwnOptions) -> None:
    given = [option for option, value in options.items() if value not in (None, (), False)]
    if given:
        raise ArgumentError(
            given[0], f"expected it beside files of your own, got it beside the data set {name}"
        )


def _absolute(paths: Dataset) -> tuple[str, ...]:
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    return tuple(str(Path(path).absolute()) for path in given)


__all__ = ["AnyPath", "Dataset", "OwnOptions", "make_own"]
