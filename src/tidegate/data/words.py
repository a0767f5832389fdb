"""The tokens of many texts, numbered by Arrow: what vocabularies are made of in training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.tokeniser import Tokeniser

# Arrow numbers the words of a training; a model that answers does without it.
if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Words:
    """The tokens of some texts: every distinct one once, and its number wherever it stands."""

    tokeniser: Tokeniser
    """What split the texts."""
    distinct: "pa.StringArray"
    """The distinct tokens, in the order of their first appearance."""
    codes: Ragged
    """For every text, the place in ``distinct`` of each of its tokens."""

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, text: int) -> list[str]:
        """The tokens of one text."""
        import pyarrow as pa

        words: list[str] = self.distinct.take(pa.array(self.codes[text])).to_pylist()
        return words

    def first(self, count: int) -> "Words":
        """The tokens of the first ``count`` texts."""
        offsets = self.codes.offsets[: count + 1]
        codes = self.codes.values[: offsets[-1]]
        # Distinct words stand in the order of their first appearance.
        num_distinct = int(codes.max()) + 1 if len(codes) else 0
        return Words(self.tokeniser, self.distinct[:num_distinct], Ragged(codes, offsets))

    def counts(self) -> NDArray[np.int64]:
        """How often each distinct token stands in the texts, shape (number of distinct,)."""
        return np.bincount(self.codes.values, minlength=len(self.distinct))


def number(parts: Sequence[Any], kind: str, lengths: NDArray[np.int64]) -> tuple[Any, Ragged]:
    """Number the distinct values of Arrow arrays in the order of their first appearance.

    Args:
        parts: Arrays that hold the values of some texts, one after the other.
        kind: Their type's name in Arrow.
        lengths: How many values each text has.

    Returns:
        The distinct values, an Arrow array, and for every text the places of its values there.
    """
    import pyarrow as pa

    chunks = pa.chunked_array(parts, kind).dictionary_encode().chunks
    distinct = chunks[-1].dictionary if chunks else pa.array([], kind)
    codes = [np.empty(0, np.int32), *(chunk.indices.to_numpy() for chunk in chunks)]
    return distinct, Ragged(np.concatenate(codes), offsets_of(lengths))
