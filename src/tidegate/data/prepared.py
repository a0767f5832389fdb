"""A labelled text data set as the numbers a network reads."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.data.bigrams import Bigrams
from tidegate.data.dataset import Split, TextDataset
from tidegate.data.examples import Examples
from tidegate.data.ragged import Ragged, offsets_of, pad_front
from tidegate.data.tokenise import Words, split
from tidegate.data.vocabulary import UNKNOWN, Vocabulary
from tidegate.errors import DataError


@dataclass(frozen=True)
class PreparedData:
    """Training, validation and test part of a data set, and what was done to it."""

    train: Examples
    validation: Examples
    test: Examples
    vocabulary: Vocabulary
    bigrams: Bigrams | None
    unlabelled: Examples | None
    """Texts without labels; their targets are 0."""
    facts: dict[str, Any]
    """Counts for the user: examples, words, what was cut and what is unknown."""

    def frequencies(self) -> NDArray[np.float32]:
        """The share of every id in the training part, shape (number of ids,), adding up to 1."""
        counts = self.train.token_ids.counts(len(self.vocabulary))
        shares: NDArray[np.float32] = (counts / counts.sum()).astype(np.float32)
        return shares


@dataclass(frozen=True)
class Preparation:
    """How texts are tokenised, numbered, cut and padded."""

    vocabulary_size: int
    """Number of ids, the reserved ones included."""
    max_length: int
    """Tokens of a text that are kept, its last ones."""
    validation_share: float
    """The end of the training part that validates."""
    tokens: str = "keras"
    """The scheme that splits texts into words."""
    padding: Literal["none", "front"] = "none"
    """Whether shorter texts get zeros in front, up to ``max_length``."""
    bigram_vocabulary_size: int = 0
    """Number of ids of pairs of words; 0 for none."""
    full_token_ids: bool = False
    """Whether the examples also have the uncut texts over all words of the training part."""


def prepare(
    dataset: TextDataset,
    preparation: Preparation,
    *,
    limit: int | None = None,
    vocabulary: Vocabulary | None = None,
    unlabelled: Iterable[Sequence[str]] = (),
) -> PreparedData:
    """Number the words, cut and pad the texts, and set the validation part aside.

    Args:
        dataset: The texts. The test part has no say in the vocabularies.
        preparation: How.
        limit: Use only so many training texts, the first ones.
        vocabulary: Use this one, of a network that was trained before.
        unlabelled: Texts without labels, some at a time. Their words and pairs count, too.

    Raises:
        DataError: Too few texts for both a training and a validation part.
    """
    train = dataset.train if limit is None else dataset.train.first(limit)
    num_train = num_trained_on(dataset, preparation, limit)
    scheme = preparation.tokens if vocabulary is None else vocabulary.scheme
    train_words, test_words = split(train.texts, scheme), split(dataset.test.texts, scheme)
    digest, other_words = hashlib.sha256(), []
    for chunk in unlabelled:
        for text in chunk:
            digest.update(f"{text}\0".encode())
        other_words.append(split(chunk, scheme))
    everything = Vocabulary.build([train_words], None)
    if vocabulary is None:
        known = Vocabulary.build([train_words, *other_words]) if other_words else everything
        vocabulary = known.first(preparation.vocabulary_size)
    train_ids, test_ids = vocabulary.encode(train_words), vocabulary.encode(test_words)
    other_ids = [vocabulary.encode(words) for words in other_words]
    bigrams = None
    if preparation.bigram_vocabulary_size:
        read = [train_ids.take(slice(0, num_train)), *other_ids]
        bigrams = Bigrams.build(
            Ragged.concatenate([_cut(ids, preparation) for ids in read]),
            len(vocabulary),
            preparation.bigram_vocabulary_size,
            unknown=UNKNOWN,
        )

    def examples(ids: Ragged, texts: Words, labels: NDArray[np.int64]) -> Examples:
        words = _cut(ids, preparation)
        return Examples(
            words,
            labels,
            None if bigrams is None else bigrams.encode(words),
            everything.encode(texts, end=True) if preparation.full_token_ids else None,
        )

    others = [
        examples(ids, words, np.zeros(len(words), np.int64))
        for ids, words in zip(other_ids, other_words, strict=True)
    ]
    labelled = examples(train_ids, train_words, train.labels)
    return PreparedData(
        train=labelled.take(slice(0, num_train)),
        validation=labelled.take(slice(num_train, len(train))),
        test=examples(test_ids, test_words, dataset.test.labels),
        vocabulary=vocabulary,
        bigrams=bigrams,
        unlabelled=Examples.concatenate(others) if others else None,
        facts={
            "name": dataset.name,
            "source": dataset.source,
            "num_train": num_train,
            "num_validation": len(train) - num_train,
            "num_test": len(dataset.test),
            "vocabulary_size": len(vocabulary),
            "distinct_words": everything.num_distinct,
            **_counts("training", train_ids, preparation.max_length, train),
            **_counts("test", test_ids, preparation.max_length, dataset.test),
            **({"unlabelled_sha256": digest.hexdigest()} if others else {}),
        },
    )


def num_trained_on(dataset: TextDataset, preparation: Preparation, limit: int | None) -> int:
    """The number of training texts that train; the others validate.

    Raises:
        DataError: There are too few for both.
    """
    count = len(dataset.train) if limit is None else min(limit, len(dataset.train))
    num_train = int(count * (1 - preparation.validation_share))
    if not 0 < num_train < count:
        raise DataError(
            f"{dataset.name}: expected at least 2 training texts, one to train and one to "
            f"validate on, got {count}"
        )
    return num_train


def _cut(ids: Ragged, preparation: Preparation) -> Ragged:
    if preparation.padding == "none":
        return ids.last(preparation.max_length)
    padded = pad_front(ids, preparation.max_length)
    lengths = np.full(len(ids), preparation.max_length)
    return Ragged(padded.reshape(-1).astype(np.int32), offsets_of(lengths))


def _counts(part: str, ids: Ragged, max_length: int, split: Split) -> dict[str, Any]:
    return {
        f"{part}_words": len(ids.values) - len(ids),
        f"{part}_words_unknown": int(np.count_nonzero(ids.values == UNKNOWN)),
        f"{part}_texts_cut": int(np.count_nonzero(ids.lengths() > max_length)),
        f"{part}_sha256": split.fingerprint(),
    }
