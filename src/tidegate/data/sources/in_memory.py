"""A data set of labelled texts that fits in memory, as rows."""

from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.data.dataset import Split
from tidegate.data.sources.source import CHUNK_ROWS, Part, Rows


@dataclass(frozen=True)
class TextsInMemory:
    """Both parts of a data set, read already: an :class:`~tidegate.data.sources.Opened`."""

    origin: str
    train: Split
    test: Split
    classes: tuple[str, ...]

    def rows(self, part: Part) -> Iterator[Rows]:
        """The texts with the names of their classes, in the columns ``text`` and ``label``."""
        split = self.train if part == "train" else self.test
        for start in range(0, len(split), CHUNK_ROWS):
            chunk = slice(start, start + CHUNK_ROWS)
            labels = [self.classes[number] for number in split.labels[chunk].tolist()]
            yield {"text": split.texts[chunk], "label": labels}
