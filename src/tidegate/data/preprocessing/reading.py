"""How much of some texts a model can read: words it knows, texts it cuts."""

from dataclasses import dataclass, fields

import numpy as np

from tidegate.data.ragged import Ragged
from tidegate.data.vocabulary import UNKNOWN


@dataclass
class Reading:
    """Counts over texts; two of them add up."""

    texts: int = 0
    empty: int = 0
    """Texts without a word."""
    cut: int = 0
    """Texts of which not all tokens are read."""
    tokens: int = 0
    """Of all texts, before they are cut."""
    unknown: int = 0
    """Tokens that are not in the vocabulary."""

    @classmethod
    def of(cls, ids: Ragged, max_length: int | None) -> "Reading":
        """Count over uncut texts, each with the start token in front."""
        lengths = ids.lengths()
        return cls(
            texts=len(ids),
            empty=int(np.count_nonzero(lengths == 1)),
            cut=0 if max_length is None else int(np.count_nonzero(lengths > max_length)),
            tokens=len(ids.values) - len(ids),
            unknown=int(np.count_nonzero(ids.values == UNKNOWN)),
        )

    def __iadd__(self, other: "Reading") -> "Reading":
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self
