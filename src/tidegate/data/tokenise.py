"""The tokenisers that a recipe may name."""

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.data import byte_pairs
from tidegate.data.byte_pairs import BytePairTokeniser
from tidegate.data.characters import CharacterTokeniser
from tidegate.data.split_words import WordTokeniser
from tidegate.data.tokeniser import Tokeniser
from tidegate.data.words import Words
from tidegate.errors import FormatError

KERAS, WORDS = WordTokeniser("keras"), WordTokeniser("words")
CHARACTERS = CharacterTokeniser()

FIXED: dict[str, Tokeniser] = {one.name: one for one in (KERAS, WORDS, CHARACTERS)}
"""Those that need no training texts, by name."""

NAMES = (*FIXED, BytePairTokeniser.name)


def fit(name: str, texts: Sequence[str], num_pieces: int) -> Tokeniser:
    """The tokeniser of a name, fitted where it learns.

    Args:
        name: One of :data:`NAMES`.
        texts: The texts that train; those that validate or test have no say.
        num_pieces: How many distinct tokens one that learns may have.

    Raises:
        ValueError: There is no such tokeniser.
        MissingPackageError: It needs a package that is not installed.
    """
    if name == BytePairTokeniser.name:
        return BytePairTokeniser.fit(texts, num_pieces)
    return fixed(name)


def fixed(name: str) -> Tokeniser:
    """The tokeniser of a name that needs no training texts.

    Raises:
        ValueError: There is no such tokeniser.
    """
    if name not in FIXED:
        raise ValueError(f"split: expected one of the tokens {', '.join(FIXED)}, got {name!r}")
    return FIXED[name]


def check_installed(name: str) -> None:
    """Refuse a tokeniser whose package is not installed.

    Raises:
        MissingPackageError: It is not.
    """
    if name == BytePairTokeniser.name:
        byte_pairs.check_installed()


def split(texts: Sequence[str], tokens: str | Tokeniser = KERAS) -> Words:
    """Split texts into tokens, numbered by Arrow.

    Args:
        texts: The texts; empty ones have no tokens.
        tokens: A tokeniser, or the name of one that needs no training texts.

    Raises:
        DataError: A text holds half a surrogate pair, which no UTF-8 file can.
        ValueError: There is no such tokeniser.
    """
    return (fixed(tokens) if isinstance(tokens, str) else tokens).split(texts)


def from_json(content: Mapping[str, Any]) -> Tokeniser:
    """The tokeniser whose ``to_json`` is part of this content.

    Raises:
        FormatError: There is no such tokeniser, or what it was taught is damaged.
        MissingPackageError: It needs a package that is not installed.
    """
    scheme = content.get("scheme")
    if scheme == byte_pairs.FILED_AS:
        return BytePairTokeniser.from_json(content)
    filed = {one.to_json()["scheme"]: one for one in FIXED.values()}
    if not isinstance(scheme, str) or scheme not in filed:
        known = [*filed, byte_pairs.FILED_AS]
        raise FormatError(
            f"vocabulary: expected the scheme {', '.join(known[:-1])} or {known[-1]}, got "
            f"{str(scheme)[:40]!r}"
        )
    return filed[scheme]
