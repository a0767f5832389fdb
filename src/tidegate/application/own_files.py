"""What is said of the user's own files: options of Python and of the command line alike."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from tidegate.data import sources
from tidegate.data.audio.manifest import is_audio_folder
from tidegate.data.audio.options import OwnAudio
from tidegate.data.columns import Columns
from tidegate.data.own_forecast import OwnForecast
from tidegate.data.own_series import OwnSeries
from tidegate.data.own_texts import OwnTexts, name_of
from tidegate.data.series.columns import SeriesColumns
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
    audio: str
    """The column of the paths of recordings, relative to the table's folder."""
    horizon: int
    """Forecast so many steps of every series, instead of classes or numbers."""
    season: int
    """The steps after which a series repeats; found when not given, 1 for none."""
    origins: int
    """The number of points in time of the back-test of a forecast."""
    known: Sequence[str]
    """Columns whose values are known ahead of a forecast, such as prices or holidays."""
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
FORECAST_OPTIONS = ("horizon", "season", "origins", "known")
"""Options that forecasts alone have."""
SERIES_SUFFIXES = (".ts", ".npz", ".tsf")

Own = OwnTexts | OwnSeries | OwnAudio | OwnForecast


class Given(NamedTuple):
    """A data set of tidegate's, or the user's own files."""

    name: str
    kind: str
    """What its examples are: ``text``, ``series``, ``audio``, or ``forecast`` for series to
    forecast."""
    own: Own | None
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
    kind = _kind(names, options)
    make = _MAKERS[kind]
    return Given(name_of([Path(name) for name in names]), kind, make(names, options))


def _kind(names: Sequence[str], options: OwnOptions) -> str:
    """What the examples of the user's files are, by options and names.

    Raises:
        ArgumentError: Options of two kinds.
    """
    given = {option for option, value in options.items() if value}
    of_kind = {
        "text": [option for option in ("text",) if option in given],
        "audio": [option for option in ("audio",) if option in given],
        "series": [option for option in SERIES_OPTIONS if option in given],
        "forecast": [option for option in FORECAST_OPTIONS if option in given],
    }
    if of_kind["forecast"]:
        if "horizon" not in given:
            raise ArgumentError(of_kind["forecast"][0], "expected it beside a horizon, got none")
        of_kind["forecast"] += of_kind.pop("series")
    named = {kind: found for kind, found in of_kind.items() if found}
    if len(named) > 1:
        (_, first), (_, second) = [*named.items()][:2]
        raise ArgumentError(
            second[0], f"expected options of data of one kind, got it beside {first[0]}"
        )
    if named:
        return next(iter(named))
    if names[0].lower().endswith(SERIES_SUFFIXES):
        return "series"
    return "audio" if is_audio_folder(Path(names[0])) else "text"


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


def _audio(names: Sequence[str], options: OwnOptions) -> OwnAudio:
    """Tables or folders of recordings, and how they are read."""
    own = OwnAudio(
        columns=SeriesColumns(audio=options.get("audio"), **_answers(options)),
        **_common(names, options),
    )
    own.check()
    return own


def _forecast(names: Sequence[str], options: OwnOptions) -> OwnForecast:
    """Files of series to forecast, and how they are read."""
    refused = ("label", "labels", "separator", "target", "test", "validation", "split", "group")
    for option in refused:
        if options.get(option):
            raise ArgumentError(option, "expected none beside a horizon: a forecast has no labels")
    own = OwnForecast(
        files=_absolute(names),
        columns=SeriesColumns(
            series_id=options.get("series_id"),
            time=options.get("time"),
            values=tuple(options.get("values", ())),
            known=tuple(options.get("known", ())),
        ),
        horizon=options["horizon"],
        season_length=options.get("season"),
        num_origins=options.get("origins"),
        delimiter=options.get("delimiter"),
    )
    own.check()
    return own


_MAKERS: dict[str, Callable[[Sequence[str], OwnOptions], Own]] = {
    "text": _texts,
    "series": _series,
    "audio": _audio,
    "forecast": _forecast,
}


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
