"""Tables with a row for each recording, and folders with a folder of recordings for each class."""

import difflib
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from tidegate.data.audio.recording import FORMATS
from tidegate.data.own_texts.columns import LABEL_NAMES
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.tables import STANDARD_INPUT, BadRow, Row, Table, open_table
from tidegate.errors import ArgumentError, DataError
from tidegate.storage.regular import is_folder

AUDIO_NAMES = ("audio", "path", "file", "filename", "file_name", "recording", "wav")
"""Names of columns that are taken for those of the paths, in this order."""
_SUFFIXES = {f".{ending}" for ending in FORMATS.values()}


def is_audio_folder(path: Path) -> bool:
    """Whether a folder has a folder with a recording in it."""
    if not is_folder(path):
        return False
    try:
        return any(file.suffix.lower() in _SUFFIXES for file in islice(path.glob("*/*"), 1_000))
    except OSError:
        return False


class AudioFolders:
    """A folder of which every folder is a class, and every wav, flac or ogg file in it a recording.

    Args:
        path: The folder.

    Raises:
        DataError: There is no such folder, or it holds no recording in a class.
    """

    columns: tuple[str, ...] = ("path", "label")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._done = 0.0
        try:
            classes = sorted(child for child in path.iterdir() if child.is_dir())
            self._files = [
                (folder.name, file.relative_to(path))
                for folder in classes
                for file in sorted(folder.iterdir())
                if file.suffix.lower() in _SUFFIXES
            ]
        except OSError as error:
            raise DataError(f"{path}: expected a folder, got: {error.strerror}") from error
        if not self._files:
            raise DataError(
                f"{path}: expected a folder for each class with wav, flac or ogg files in it, such "
                f"as {path / 'yes' / '1.wav'}, got none"
            )

    def head(self, count: int) -> list[Row | BadRow]:
        """The first rows, at most so many."""
        return [*islice(self.rows(), count)]

    @property
    def done(self) -> float:
        """The share of the files that have been given."""
        return self._done

    def rows(self) -> Iterator[Row | BadRow]:
        """A row a file, class by class; the number of a row is that of its file."""
        for number, (class_name, file) in enumerate(self._files, 1):
            self._done = number / len(self._files)
            yield Row(number, {"path": str(file), "label": class_name})


def open_manifest(path: Path, delimiter: str | None = None) -> tuple[Table, Path]:
    """Open a table of recordings, or a folder of them.

    Returns:
        The table, and the folder that its paths are relative to.

    Raises:
        DataError: There is nothing there, or nothing that can be read.
    """
    if path == STANDARD_INPUT:
        return open_table(path, format="csv", delimiter=delimiter), Path()
    if is_folder(path):
        return AudioFolders(path), path
    return open_table(path, delimiter=delimiter), path.parent


def complete(columns: SeriesColumns, table: Table, *, answers: bool = True) -> SeriesColumns:
    """Find the columns that were not named, and check that those that were are there.

    Args:
        columns: As the user names them.
        table: A table of recordings.
        answers: Whether answers are wanted, too.

    Raises:
        ArgumentError: A column is missing, or none looks like it.
    """
    wanted = ("label", "labels", "target", "split", "group") if answers else ()
    for option in ("audio", *wanted):
        names = getattr(columns, option)
        for name in (names,) if isinstance(names, str) else names or ():
            if name not in table.columns:
                near = difflib.get_close_matches(name, table.columns, 1)
                raise ArgumentError(
                    option,
                    f"expected a column of {table.path} ({', '.join(table.columns[:20])}), got "
                    f"{name!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
                )
    named = {columns.audio, columns.split, columns.group, *columns.answers}
    audio = columns.audio or _find(table, named, AUDIO_NAMES, "audio", "the paths of recordings")
    if columns.answers or not answers:
        return replace(columns, audio=audio)
    free = [name for name in table.columns if name not in {*named, audio}]
    label = (
        free[0]
        if len(free) == 1
        else _find(table, {*named, audio}, LABEL_NAMES, "label", "the classes")
    )
    return replace(columns, audio=audio, label=label)


def _find(
    table: Table, named: set[str | None], names: tuple[str, ...], option: str, what: str
) -> str:
    free = [name for name in table.columns if name not in named]
    for name in names:
        for column in free:
            if column.lower() == name:
                return column
    raise ArgumentError(
        option,
        f"expected the name of the column with {what} in {table.path}, got none; its other columns "
        f"are {', '.join(free) or 'none'}",
    )
