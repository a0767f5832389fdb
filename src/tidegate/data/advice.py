"""Whether words suit the texts of a data set: what a run advises where they do not."""

import pyarrow.compute as pc

from tidegate.data.ragged import Ragged
from tidegate.data.tokenise import KERAS, WORDS
from tidegate.data.vocabulary import START, UNKNOWN
from tidegate.data.words import Words

LONG_WORD, MOST_NEW, MIN_VALIDATED = 12, 0.5, 200
"""When words do not suit the texts: their mean length in characters, 4.0 to 4.8 for reviews in
English; the share of validating words that no text that trains has, 0.01 to 0.07 there; and how
many words tell a share."""


def advice_on_words(words: Words, num_train: int, ids: Ragged) -> str | None:
    """What to try where texts have no blanks between their words, or words hardly come again.

    Args:
        words: Of the training texts.
        num_train: The first so many texts train, the others validate.
        ids: Their ids, uncut.

    Returns:
        None where words suit the texts, or something else splits them.
    """
    codes, ends = words.codes, words.codes.offsets
    if words.tokeniser not in (KERAS, WORDS) or not len(codes.values):
        return None
    lengths = pc.utf8_length(words.distinct).to_numpy()
    length = float(lengths @ words.counts() / len(codes.values))
    # Words are numbered as they appear: those that only validating texts have come last.
    num_seen = int(codes.values[: ends[num_train]].max(initial=-1)) + 1
    validating = codes.values[ends[num_train] :]
    is_unknown = ids.values[ids.values != START][ends[num_train] :] == UNKNOWN
    is_new = (validating >= num_seen) | is_unknown
    share = is_new.mean() if len(validating) >= MIN_VALIDATED else 0.0
    signs = []
    if length > LONG_WORD:
        signs.append(f"the training texts' words have {length:.0f} characters on average")
    if share > MOST_NEW:
        signs.append(
            f"{share:.0%} of the words of the texts that validate are unknown to those that train"
        )
    if not signs:
        return None
    return (
        f"text.tokens={words.tokeniser.name}: {' and '.join(signs)}; where no blanks stand between "
        "words, or words have many forms, try text.tokens=characters or bpe"
    )
