"""All rows of a source at once, as the labelled texts that a network is trained on."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tidegate.data.dataset import Split, TextDataset
from tidegate.data.sources import registry
from tidegate.data.sources.source import Rows, Source
from tidegate.errors import DataError


def load(name: str, path: Path | None = None) -> TextDataset:
    """Read the whole data set of a name.

    Args:
        name: One of :func:`~tidegate.data.sources.names`.
        path: The user's copy of it; nothing else is tried when given.

    Raises:
        DataError: There is no such data set, or it is missing or not as it should be.
    """
    return collect(registry.get(name), path)


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
