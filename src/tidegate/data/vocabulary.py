"""Words and their ids, as ``keras.datasets.imdb`` counts them.

A text is lower-cased, Keras' default punctuation becomes blanks, and what stands between blanks is
a word. Words are ranked by how often the training texts have them. Ids: 0 padding, 1 the start of
a text, 2 an unknown word, 3 is not used, 4 the most frequent word.

Source: ``keras.preprocessing.text`` and ``keras.datasets.imdb`` (``index_from=3``).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.data.ragged import Ragged

PADDING, START, UNKNOWN, FIRST_WORD = 0, 1, 2, 4

_TO_BLANKS = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n', " "))


def split_words(text: str) -> list[str]:
    """The words of a text; the apostrophe belongs to the word."""
    return [word for word in text.lower().translate(_TO_BLANKS).split(" ") if word]


@dataclass(frozen=True)
class Vocabulary:
    """The most frequent words of some texts, the most frequent first."""

    words: list[str]
    num_distinct: int
    """How many distinct words the texts have in all."""

    @classmethod
    def build(cls, texts: Iterable[list[str]], size: int) -> "Vocabulary":
        """Rank the words of training texts; words of equal frequency stand in alphabetical order.

        Args:
            texts: The words of each text.
            size: Number of ids in all, the four reserved ones included: ``num_words`` in Keras.
        """
        counts: Counter[str] = Counter()
        for words in texts:
            counts.update(words)
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(ranked[: max(size - FIRST_WORD, 0)], len(ranked))

    def encode(self, texts: Iterable[list[str]]) -> Ragged:
        """The ids of every text, START before its first word."""
        ids = {word: FIRST_WORD + rank for rank, word in enumerate(self.words)}
        return Ragged.from_rows(
            [START, *(ids.get(word, UNKNOWN) for word in words)] for words in texts
        )

    def to_json(self) -> dict[str, object]:
        """What a model folder keeps of it."""
        return {
            "scheme": "keras.datasets.imdb",
            "padding": PADDING,
            "start": START,
            "unknown": UNKNOWN,
            "first_word": FIRST_WORD,
            "words": self.words,
        }
