"""A labelled text data set as the numbers a network reads."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.dataset import Split, TextDataset
from tidegate.data.ragged import Ragged, pad_front
from tidegate.data.tokenise import split
from tidegate.data.vocabulary import UNKNOWN, Vocabulary
from tidegate.errors import DataError

Examples = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Tokens, shape (number of examples, T), and labels, shape (number of examples,)."""


@dataclass(frozen=True)
class PreparedData:
    """Training, validation and test part of a data set, and what was done to it."""

    train: Examples
    validation: Examples
    test: Examples
    vocabulary: Vocabulary
    facts: dict[str, Any]
    """Counts for the user: examples, words, what was cut and what is unknown."""


def prepare(
    dataset: TextDataset,
    *,
    vocabulary_size: int,
    max_length: int,
    validation_share: float,
    limit: int | None = None,
) -> PreparedData:
    """Number the words, cut and pad the texts, and set the validation part aside.

    Args:
        dataset: The texts. Only its training part makes the vocabulary.
        vocabulary_size: Number of ids, the reserved ones included.
        max_length: Tokens of a text that are kept, its last ones.
        validation_share: The end of the training part that validates.
        limit: Use only so many training texts, the first ones.

    Raises:
        DataError: Too few texts for both a training and a validation part.
    """
    train = dataset.train if limit is None else dataset.train.first(limit)
    num_train = int(len(train) * (1 - validation_share))
    if not 0 < num_train < len(train):
        raise DataError(
            f"{dataset.name}: expected at least 2 training texts, one to train and one to "
            f"validate on, got {len(train)}"
        )
    train_words = split(train.texts)
    vocabulary = Vocabulary.build([train_words], vocabulary_size)
    train_ids = vocabulary.encode(train_words)
    test_ids = vocabulary.encode(split(dataset.test.texts))
    tokens = pad_front(train_ids, max_length)
    return PreparedData(
        train=(tokens[:num_train], train.labels[:num_train]),
        validation=(tokens[num_train:], train.labels[num_train:]),
        test=(pad_front(test_ids, max_length), dataset.test.labels),
        vocabulary=vocabulary,
        facts={
            "name": dataset.name,
            "source": dataset.source,
            "num_train": num_train,
            "num_validation": len(train) - num_train,
            "num_test": len(dataset.test),
            "vocabulary_size": vocabulary_size,
            "distinct_words": vocabulary.num_distinct,
            **_counts("training", train_ids, max_length, train),
            **_counts("test", test_ids, max_length, dataset.test),
        },
    )


def _counts(part: str, ids: Ragged, max_length: int, split: Split) -> dict[str, Any]:
    return {
        f"{part}_words": len(ids.values) - len(ids),
        f"{part}_words_unknown": int(np.count_nonzero(ids.values == UNKNOWN)),
        f"{part}_texts_cut": int(np.count_nonzero(ids.lengths() > max_length)),
        f"{part}_sha256": split.fingerprint(),
    }
