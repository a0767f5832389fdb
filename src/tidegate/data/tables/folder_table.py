"""A folder with a folder for each class, and a text in each file: ``reviews/pos/17.txt``."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tidegate.data.tables.table import MOST_FIELD_BYTES, BadRow, Row
from tidegate.errors import DataError
from tidegate.storage import regular

TEXT, LABEL = "text", "label"


class ClassFolders:
    """A folder of which every folder is a class, and every ``.txt`` file in these a text.

    Args:
        path: The folder.

    Raises:
        DataError: There is no such folder, or it holds no text in a class.
    """

    columns: tuple[str, ...] = (TEXT, LABEL)

    def __init__(self, path: Path) -> None:
        self.path = path
        self._done = 0.0
        try:
            classes = sorted(child for child in path.iterdir() if child.is_dir())
            self._files = [
                (one.name, file) for one in classes for file in sorted(one.glob("*.txt"))
            ]
        except OSError as error:
            raise DataError(f"{path}: expected a folder, got: {error.strerror}") from error
        if not self._files:
            raise DataError(
                f"{path}: expected a folder for each class with a text in each .txt file, such as "
                f"{path / 'positive' / '1.txt'}, got none"
            )

    def head(self, count: int) -> list[Row | BadRow]:
        """The first rows, at most so many."""
        return [*islice(self.rows(), count)]

    @property
    def done(self) -> float:
        """The share of the files that have been read."""
        return self._done

    def rows(self) -> Iterator[Row | BadRow]:
        """A row a file, class by class; the number of a row is that of its file."""
        for number, (class_name, file) in enumerate(self._files, 1):
            self._done = number / len(self._files)
            try:
                content = regular.read(file, MOST_FIELD_BYTES, follow=True)
                text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
            except OSError as error:
                raise DataError(f"{file}: expected a text file, got: {error.strerror}") from error
            except UnicodeDecodeError as error:
                byte = error.object[error.start]
                yield BadRow(
                    number,
                    f"{file}: expected UTF-8, got byte 0x{byte:02x} at position {error.start}",
                )
                continue
            yield Row(number, {TEXT: text, LABEL: class_name})
