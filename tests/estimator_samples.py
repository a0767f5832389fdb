"""What the tests of estimators share: a tiny recipe, texts that two words tell apart, columns."""

TINY = {
    "vocabulary_size": 60,
    "bigram_vocabulary_size": 0,
    "embedding_dim": 4,
    "hidden_size": 4,
    "bidirectional": False,
    "pooling": "last",
    "adversarial_norm": 0,
    "adapt": False,
    "training.epochs": 1,
    "pretraining.epochs": 0,
    "linear_model.order": 0,
}
"""One epoch of a network of four units, with nothing beside it."""

ABLE = TINY | {
    "dropout.word": 0,
    "dropout.input": 0,
    "dropout.head": 0,
    "pooling": "max",
    "batch_size": 4,
    "training.epochs": 6,
    "training.learning_rate": 0.05,
    "embedding_learning_rate": 0.05,
}
"""Enough to learn what one word tells."""

TEXTS = [f"a {word} film number{number}" for number in range(15) for word in ("good", "bad")]
ANSWERS = ["pos", "neg"] * 15
NEW = ["a good play", "a bad play", "good", "bad"]


class Column:
    """A column as polars has them: no array, no sequence, but ``to_list``."""

    def __init__(self, values):
        self.values = [*values]

    def to_list(self):
        return [*self.values]


class Table:
    """A table of such columns."""

    def __init__(self, **columns):
        self.columns = [*columns]
        self._columns = columns

    def __getitem__(self, name):
        return Column(self._columns[name])
