"""What is said of the user's own files: options of Python and of the command line alike."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from tidegate.data import sources
from tidegate.data.columns import Columns
from tidegate.data.own_texts import OwnTexts, name_of
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.options import OwnSeries
from tidegate.data.tables import looks_like_a_path, open_table
from tidegate.errors import ArgumentError, DataError

AnyPath = str | os.PathLike[str]
Dataset = AnyPath | Sequence[AnyPath]
"""The name of a data set of tidegate's, or one or several files of the user's."""


class OwnOptions(TypedDict, total=False):
    """How files of your own are read; for data sets of tidegate's there is none of these.

    Columns that are not named are found by their names and what is in them, or asked for.
    """

    text: str
    """The column of the texts."""
    series_id: str
    """The column that says which series a row, a step, belongs to."""
    time: str
    """The column that says when a step was: a number, or a date."""
    values: Sequence[str]
    """The columns of a series' channels, a row a step; or, without a column in ``series_id`` or
    ``time``, those of a series' steps, a row a series."""
    label: str
    """The column of the classes, one for each text or series."""
    labels: Sequence[str]
    """Several labels for each: columns of 0 and 1, or one column with a ``separator``."""
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
    """The column whose equal values stay in one part, such as an author or a patient."""
    test_share: float
    """The share of the rows that is held out for the test, 0.2 by default."""
    delimiter: str
    """The character between the fields of CSV, a comma by default."""
    skip_bad_rows: bool
    """Leave rows out that cannot be used, and count them, rather than refuse them."""


SERIES_OPTIONS = ("series_id", "time", "values")
"""Options that files of series alone have."""
SERIES_SUFFIXES = (".ts", ".npz")


class Given(NamedTuple):
    """A data set of tidegate's, or the user's own files."""

    name: str
    kind: str
    """What its examples are: ``text`` or ``series``."""
    own: OwnTexts | OwnSeries | None
    """How the user's own files are read; None for a data set of tidegate's."""


def make_own(dataset: Dataset, options: OwnOptions) -> Given:
    """The data set that is meant and, where it is files of the user's, how they are read.

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
        name = _known(names[0])
        return Given(name, sources.get(name).kind, None)
    share = options.get("test_share", 0.2)
    if not 0.001 <= share <= 0.9:
        raise ArgumentError("test_share", f"expected a share from 0.001 to 0.9, got {share}")
    named = [option for option in SERIES_OPTIONS if options.get(option)]
    if not named and not names[0].lower().endswith(SERIES_SUFFIXES):
        return Given(name_of([Path(name) for name in names]), "text", _texts(names, options))
    if options.get("text"):
        other = named[0] if named else Path(names[0]).suffix
        raise ArgumentError("text", f"expected either texts or series, got text and {other}")
    return Given(name_of([Path(name) for name in names]), "series", _series(names, options))


def _texts(names: Sequence[str], options: OwnOptions) -> OwnTexts:
    """Files of texts, and how they are read."""
    own = OwnTexts(
        columns=Columns(text=options.get("text"), **_answers(options)),
        **_common(names, options),
    )
    own.check()
    for path in (*own.files, *own.test, *own.validation):
        open_table(Path(path), delimiter=own.delimiter)
    return own


def _series(names: Sequence[str], options: OwnOptions) -> OwnSeries:
    """Files of series, and how they are read."""
    own = OwnSeries(
        columns=SeriesColumns(
            series_id=options.get("series_id"),
            time=options.get("time"),
            values=tuple(options.get("values", ())),
            **_answers(options),
        ),
        **_common(names, options),
    )
    own.check()
    for path in (*own.files, *own.test, *own.validation):
        if not path.lower().endswith(SERIES_SUFFIXES):
            open_table(Path(path), delimiter=own.delimiter)
    return own


def _answers(options: OwnOptions) -> dict[str, Any]:
    """The columns of answers and parts, which texts and series have alike."""
    target = options.get("target", ())
    return {
        "label": options.get("label"),
        "labels": tuple(options.get("labels", ())),
        "separator": options.get("separator"),
        "target": (target,) if isinstance(target, str) else tuple(target),
        "split": options.get("split"),
        "group": options.get("group"),
    }


def _common(names: Sequence[str], options: OwnOptions) -> dict[str, Any]:
    """The files of each part, and the options that texts and series have alike."""
    return {
        "files": _absolute(names),
        "test": _absolute(options.get("test", ())),
        "validation": _absolute(options.get("validation", ())),
        "test_share": options.get("test_share", 0.2),
        "delimiter": options.get("delimiter"),
        "skip_bad_rows": options.get("skip_bad_rows", False),
    }


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
