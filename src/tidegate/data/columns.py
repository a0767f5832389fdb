"""The names of the columns that hold texts, answers and parts in the user's files."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from tidegate.errors import FormatError
from tidegate.storage import schema


@dataclass(frozen=True)
class Columns:
    """Names of columns; what is None or empty is to be found, or is not there."""

    text: str | None = None
    label: str | None = None
    """Holds one class a text."""
    labels: tuple[str, ...] = ()
    """Several labels a text: a column of 0 and 1 for each, or one column with a separator."""
    separator: str | None = None
    """What stands between the labels of a text in the one column of ``labels``."""
    target: tuple[str, ...] = ()
    """Numbers to be predicted: a column for each."""
    split: str | None = None
    """Says of each row whether it is for training, validation or the test."""
    group: str | None = None
    """Rows with equal values stay in one part."""

    @property
    def answers(self) -> tuple[str, ...]:
        """The columns with the answers."""
        return (*((self.label,) if self.label else ()), *self.labels, *self.target)

    @property
    def named(self) -> tuple[str, ...]:
        """All columns that have a name."""
        others = (self.text, self.split, self.group)
        return (*(name for name in others if name is not None), *self.answers)

    def to_json(self) -> dict[str, Any]:
        """What a model folder keeps: how a row is read, and not which part it is in."""
        values = asdict(replace(self, split=None, group=None))
        return {
            key: [*value] if isinstance(value, tuple) else value for key, value in values.items()
        }

    @classmethod
    def from_json(cls, content: Any) -> "Columns":
        """The columns of :meth:`to_json`.

        Raises:
            FormatError: They are none.
        """
        if not isinstance(content, dict):
            raise FormatError(f"columns: expected an object, got {type(content).__name__}")
        columns: Columns = schema.build(cls, content, "columns")
        return columns
