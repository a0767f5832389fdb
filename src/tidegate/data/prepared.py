"""A labelled text data set as the numbers a network reads."""

import hashlib
from collections import Counter
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

CHECKED_AT_ONCE = 100
"""Texts that are split to see whether they have words."""


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
    """What becomes of texts before a network reads them."""

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
    """How many of the training texts train; the others validate.

    Raises:
        DataError: There are too few for both.
    """
    count = len(dataset.train) if limit is None else min(limit, len(dataset.train))
    if count < 2:
        raise DataError(
            f"{dataset.name}: expected at least 2 training texts, one to train and one to "
            f"validate on, got {count}"
        )
    num_train = int(count * (1 - preparation.validation_share))
    if not 0 < num_train < count:
        raise DataError(
            f"{dataset.name}: expected training texts of which some train and some validate, got "
            f"{num_train} of {count} to train on with validation_share="
            f"{preparation.validation_share}; change it, or take more texts"
        )
    return num_train


def check_texts(
    dataset: TextDataset, preparation: Preparation, limit: int | None, min_count: int = 0
) -> None:
    """Refuse texts that nothing can be learnt from.

    Args:
        dataset, preparation, limit: As of :func:`prepare`.
        min_count: Training texts that an n-gram of the linear model must be in; 0 for none.

    Raises:
        DataError: The training texts have one class alone, a part has no words, or no word is in
            enough texts.
    """
    num_train = num_trained_on(dataset, preparation, limit)
    train = dataset.train.first(num_train)
    classes = np.unique(train.labels)
    if len(classes) < 2:
        raise DataError(
            f"{dataset.name}: expected training texts of two classes, got {num_train} of class "
            f"{classes[0]} alone; take more texts"
        )
    for part, texts in (("training", train.texts), ("test", dataset.test.texts)):
        if not _has_word(texts, preparation.tokens, 1):
            raise DataError(
                f"{dataset.name}: expected words in the {part} texts, got none in {len(texts):,} "
                "texts"
            )
    if not _has_word(train.texts, preparation.tokens, min_count):
        raise DataError(
            f"{dataset.name}: expected words that at least linear_min_count={min_count} training "
            f"texts have, got none in {num_train:,} texts; lower linear_min_count, or leave the "
            "linear model out by linear_order=0"
        )


def _has_word(texts: Sequence[str], scheme: str, min_count: int) -> bool:
    """Whether a word stands in so many of the texts; no more of them are read than tell it."""
    counts: Counter[str] = Counter()
    for start in range(0, len(texts), CHECKED_AT_ONCE):
        words = split(texts[start : start + CHECKED_AT_ONCE], scheme)
        # Each text's words once: pairs of text and word, as one number.
        texts_of = np.repeat(np.arange(len(words)), words.codes.lengths())
        found = np.unique(texts_of * len(words.distinct) + words.codes.values)
        times = np.bincount(found % max(len(words.distinct), 1), minlength=len(words.distinct))
        counts.update(dict(zip(words.distinct.to_pylist(), times.tolist(), strict=True)))
        if counts and max(counts.values()) >= min_count:
            return True
    return not min_count


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
        f"{part}_texts_empty": int(np.count_nonzero(ids.lengths() == 1)),
        f"{part}_texts_cut": int(np.count_nonzero(ids.lengths() > max_length)),
        f"{part}_sha256": split.fingerprint(),
    }
