"""A whole data set by its name: labelled texts or series, or series to forecast."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from tidegate.data.dataset import Split, TextDataset
from tidegate.data.series.dataset import SeriesDataset
from tidegate.data.sources import registry
from tidegate.data.sources.series_source import ForecastSource, SeriesSource
from tidegate.data.sources.source import DataSource, Kind, Rows, Source
from tidegate.errors import DataError

AnySource = TypeVar("AnySource", bound=DataSource)
_WHAT: dict[Kind, str] = {
    "text": "a data set of texts",
    "series": "a data set of labelled series",
    "forecast": "a data set of series to forecast",
}


def load(name: str, path: Path | None = None) -> TextDataset:
    """Read the whole data set of texts of a name.

    Args:
        name: One of ``names("text")``.
        path: The user's copy of it; nothing else is tried when given.

    Raises:
        DataError: There is no such data set of texts, or it is missing or not as it should be.
    """
    return collect(_of_kind(name, Source), path)


def load_series(name: str, path: Path | None = None) -> SeriesDataset:
    """Read the whole data set of labelled series of a name.

    Args:
        name: One of ``names("series")``.
        path: None, as these data sets are in one place only.

    Raises:
        DataError: There is no such data set of series, or it is missing or not as it should be.
    """
    source = _of_kind(name, SeriesSource)
    source.check_path(path)
    return source.place()


def load_any(name: str, path: Path | None = None) -> TextDataset | SeriesDataset:
    """Read the whole labelled data set of a name, of texts or of series.

    Raises:
        DataError: There is no such data set, or it is missing or not as it should be.
    """
    is_text = registry.get(name).kind == "text"
    return load(name, path) if is_text else load_series(name, path)


def get_forecast(name: str) -> ForecastSource:
    """The data set of series to forecast of a name.

    Raises:
        DataError: There is no such data set.
    """
    return _of_kind(name, ForecastSource)


def _of_kind(name: str, wanted: type[AnySource]) -> AnySource:
    source = registry.get(name)
    if not isinstance(source, wanted):
        others = ", ".join(registry.names(wanted.kind)) or "none is known"
        raise DataError(
            f"{name}: expected {_WHAT[wanted.kind]} ({others}), got {_WHAT[source.kind]}"
        )
    return source


def collect(source: Source, path: Path | None = None) -> TextDataset:
    """Read the whole data set of a source.

    Raises:
        DataError: It is missing, or not as it should be.
    """
    opened = source.open(path)
    return TextDataset(
        name=source.name,
        source=opened.origin,
        train=_split(source, opened.rows("train"), "training"),
        test=_split(source, opened.rows("test"), "test"),
        task=source.task,
    )


def _split(source: Source, chunks: Iterable[Rows], part: str) -> Split:
    texts: list[str] = []
    labels: list[Any] = []
    for rows in chunks:
        missing = [name for name in source.columns if name not in rows]
        if missing:
            raise DataError(
                f"{source.name}: expected the columns {', '.join(source.columns)} in the {part} "
                f"rows, got {', '.join(rows) or 'none'}"
            )
        texts += rows[source.text_column]
        for label in rows[source.label_column]:
            try:
                labels.append(source.task.target(label))
            except ValueError as expected:
                raise DataError(
                    f"{source.name}: expected {expected} in {part} row {len(labels)}, counted from "
                    f"0, got {label!r}"
                ) from None
        if len(texts) != len(labels):
            raise DataError(
                f"{source.name}: expected a label for every text of the {part} rows, got "
                f"{len(texts)} texts and {len(labels)} labels"
            )
    if not texts:
        raise DataError(f"{source.name}: expected {part} rows, got none")
    return Split(texts, source.task.targets(labels))
