"""What a tokeniser is: the form in which the rest of the package meets all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tidegate.data.ragged import Ragged

if TYPE_CHECKING:
    from tidegate.data.words import Words


@dataclass(frozen=True)
class Tokens:
    """The tokens of some texts, without Arrow; the same token may stand in ``words`` twice."""

    words: list[bytes]
    """Tokens in UTF-8."""
    codes: Ragged
    """For every text, the place in ``words`` of each of its tokens."""


class Tokeniser(Protocol):
    """A way of splitting texts into tokens: by fixed rules, or by what training texts taught it.

    Tokenisers that are equal split all texts alike.
    """

    @property
    def name(self) -> str:
        """What a recipe calls it: a value of ``text.tokens``."""

    def split(self, texts: Sequence[str]) -> "Words":
        """The tokens of texts, numbered by Arrow.

        Raises:
            DataError: A text holds half a surrogate pair, which no UTF-8 file can.
        """

    def tokenise(self, texts: Sequence[str]) -> Tokens:
        """The tokens that :meth:`split` gives, without Arrow: for a model that answers.

        Raises:
            DataError: As :meth:`split`.
        """

    def can_be(self, word: str) -> bool:
        """Whether a word may be one of its tokens; tells a damaged vocabulary."""

    def describe(self) -> str:
        """The tokens, their normalisation and case, in a few words."""

    def to_json(self) -> dict[str, Any]:
        """What a file keeps of it: ``scheme``, and what it was taught."""
