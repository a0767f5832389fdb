"""The names of the columns that hold series, answers and parts in the user's files."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from tidegate.errors import FormatError
from tidegate.storage import schema


@dataclass(frozen=True)
class SeriesColumns:
    """Names of columns; what is None or empty is to be found, or is not there.

    In the long format a row is a step, and ``series_id`` says of which series. In the wide format
    a row is a series of one channel, and ``values`` are its steps.
    """

    series_id: str | None = None
    """Says which series a step belongs to: the long format."""
    time: str | None = None
    """When a step was: a number, or a date in ISO 8601."""
    values: tuple[str, ...] = ()
    """The channels of the long format, or the steps of the wide one."""
    audio: str | None = None
    """The path of a recording, in a table with a row for each."""
    known: tuple[str, ...] = ()
    """Covariates of a forecast that are known ahead, such as prices or holidays."""
    label: str | None = None
    """Holds one class a series."""
    labels: tuple[str, ...] = ()
    """Several labels a series: a column of 0 and 1 for each, or one column with a separator."""
    separator: str | None = None
    """What stands between the labels in the one column of ``labels``."""
    target: tuple[str, ...] = ()
    """Numbers to be predicted: a column for each."""
    split: str | None = None
    """Says of each row whether it is for training, validation or the test."""
    group: str | None = None
    """Series with equal values stay in one part."""

    @property
    def answers(self) -> tuple[str, ...]:
        """The columns with the answers."""
        return (*((self.label,) if self.label else ()), *self.labels, *self.target)

    @property
    def is_long(self) -> bool:
        """Whether a row is a step: of the series that it names, or all of one series."""
        return self.series_id is not None or self.time is not None

    def describe(self) -> str:
        """The columns that are read, in a line."""
        parts = {
            "recordings in": (self.audio,),
            "series by": (self.series_id,),
            "time in": (self.time,),
            "values in": self.values[:8] + (("...",) if len(self.values) > 8 else ()),
            "known ahead": self.known,
            "answers in": self.answers,
        }
        named = {
            what: [name for name in names if name is not None] for what, names in parts.items()
        }
        return "; ".join(f"{what} {', '.join(names)}" for what, names in named.items() if names)

    def to_json(self) -> dict[str, Any]:
        """What a model folder keeps: how a row is read, and not which part it is in."""
        values = asdict(replace(self, split=None, group=None))
        return {
            key: [*value] if isinstance(value, tuple) else value for key, value in values.items()
        }

    @classmethod
    def from_json(cls, content: Any) -> "SeriesColumns":
        """The columns of :meth:`to_json`.

        Raises:
            FormatError: They are none.
        """
        if not isinstance(content, dict):
            raise FormatError(f"columns: expected an object, got {type(content).__name__}")
        columns: SeriesColumns = schema.build(cls, content, "columns")
        return columns
