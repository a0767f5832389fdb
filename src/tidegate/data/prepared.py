"""A labelled text data set as the arrays that a network reads."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data import tokenise
from tidegate.data.advice import advice_on_words
from tidegate.data.bigrams import Bigrams
from tidegate.data.columns import Columns
from tidegate.data.dataset import Split, TextDataset
from tidegate.data.examples import Examples
from tidegate.data.preprocessing import Preprocessor
from tidegate.data.preprocessing.text import TextOptions, TextPreprocessor
from tidegate.data.ragged import Ragged
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.dataset import SeriesDataset
from tidegate.data.tokenised import TokenisedTexts
from tidegate.data.tokeniser import Tokeniser
from tidegate.data.vocabulary import FIRST_WORD, UNKNOWN, Vocabulary
from tidegate.data.windows import Learnable
from tidegate.errors import DataError
from tidegate.task import Task

CHECKED_AT_ONCE = 100
"""Texts that are split to see whether they have words."""


@dataclass(frozen=True)
class PreparedData:
    """Training, validation and test part of a data set, and what was done to it."""

    train: Learnable
    validation: Learnable
    test: Learnable
    task: Task
    preprocessor: Preprocessor
    """Fitted on the training part; what a trained model needs to read other texts or series."""
    unlabelled: Examples | None
    """Texts without labels; their targets are 0."""
    columns: Columns | SeriesColumns | None
    """The columns of the user's files."""
    facts: dict[str, Any]
    """Counts for the user: examples, words, what was cut and what is unknown."""
    advice: str | None = None
    """Where words do not suit the texts: what shows it, and what to try."""

    @property
    def text_preprocessor(self) -> TextPreprocessor:
        """The preprocessor, where the data are texts."""
        assert isinstance(self.preprocessor, TextPreprocessor)
        return self.preprocessor

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that the network knows."""
        return self.text_preprocessor.vocabulary

    @property
    def bigrams(self) -> Bigrams | None:
        """The pairs of words that the network knows."""
        return self.text_preprocessor.bigrams

    def input_sizes(self) -> dict[str, int]:
        """What a network must know of its input: ids of tokens and pairs, or numbers a step."""
        if not isinstance(self.preprocessor, TextPreprocessor):
            return {"input_size": self.preprocessor.input_size}
        return {
            "vocabulary_size": len(self.vocabulary),
            "bigram_vocabulary_size": 0 if self.bigrams is None else len(self.bigrams),
        }

    def frequencies(self) -> NDArray[np.float32]:
        """The share of every id in the training part, shape (number of ids,), adding up to 1."""
        assert isinstance(self.train, Examples)
        counts = self.train.token_ids.counts(len(self.vocabulary))
        shares: NDArray[np.float32] = (counts / counts.sum()).astype(np.float32)
        return shares


def prepare(
    dataset: TextDataset,
    options: TextOptions,
    *,
    validation_share: float,
    limit: int | None = None,
    vocabulary: Vocabulary | None = None,
    unlabelled: Iterable[Sequence[str]] = (),
    tokenised: TokenisedTexts | None = None,
) -> PreparedData:
    """Fit a preprocessor, transform all texts, and set the validation part aside.

    Args:
        dataset: The texts. The test part has no say in the vocabularies.
        options: How texts become ids.
        validation_share: The end of the training part that validates, as a share of it.
        limit: Use only so many training texts, the first ones.
        vocabulary: Use this one, of a network that was trained before.
        unlabelled: Texts without labels, some at a time. Their words and pairs count, too.
        tokenised: The words of all these texts, where they are split already; ``unlabelled`` is
            not read then.

    Raises:
        DataError: Too few texts for both a training and a validation part.
    """
    train = dataset.train if limit is None else dataset.train.first(limit)
    num_train = num_trained_on(dataset, validation_share, limit)
    if tokenised is None:
        tokeniser = (
            fit_tokeniser(options, train.texts[:num_train])
            if vocabulary is None
            else vocabulary.tokeniser
        )
        tokenised = TokenisedTexts.of(dataset, tokeniser, limit=limit, unlabelled=unlabelled)
    train_words, test_words, other_words = tokenised.train, tokenised.test, tokenised.unlabelled
    preprocessor = TextPreprocessor.fit(
        train_words, options, num_trained=num_train, others=other_words, vocabulary=vocabulary
    )
    labelled = Examples(preprocessor.transform_words(train_words), train.labels)
    others = [
        Examples(preprocessor.transform_words(words), np.zeros(len(words), np.int64))
        for words in other_words
    ]
    known = preprocessor.vocabulary
    train_ids = known.encode(train_words)
    return PreparedData(
        train=labelled.take(slice(0, num_train)),
        validation=labelled.take(slice(num_train, len(train))),
        test=Examples(preprocessor.transform_words(test_words), dataset.test.labels),
        task=dataset.task,
        preprocessor=preprocessor,
        unlabelled=Examples.concatenate(others) if others else None,
        columns=dataset.columns,
        facts={
            "kind": preprocessor.kind,
            "name": dataset.name,
            "source": dataset.source,
            "num_train": num_train,
            "num_validation": len(train) - num_train,
            "num_test": len(dataset.test),
            "columns": None if dataset.columns is None else dataset.columns.to_json(),
            "class_counts": {
                part: class_counts(dataset.task, labels)
                for part, labels in (("training", train.labels), ("test", dataset.test.labels))
            },
            "notes": [*dataset.notes],
            **({"test_is_validation": True} if dataset.test_is_validation else {}),
            "vocabulary_size": len(known),
            "distinct_words": len(train_words.distinct),
            **_counts("training", train_ids, options.max_length, train),
            **_counts("test", known.encode(test_words), options.max_length, dataset.test),
            **({"unlabelled_sha256": tokenised.unlabelled_sha256} if others else {}),
        },
        advice=advice_on_words(train_words, num_train, train_ids),
    )


def fit_tokeniser(options: TextOptions, texts: Sequence[str]) -> Tokeniser:
    """The tokeniser of a recipe.

    Args:
        options: With its name, and the size of the vocabulary, which is that of one that learns.
        texts: Those that train, without what validates.
    """
    return tokenise.fit(options.tokens, texts, options.vocabulary_size - FIRST_WORD)


def num_trained_on(
    dataset: TextDataset | SeriesDataset, validation_share: float, limit: int | None
) -> int:
    """The number of training texts or series that train; the others validate.

    Raises:
        DataError: There are too few for both.
    """
    count = len(dataset.train) if limit is None else min(limit, len(dataset.train))
    if count < 2:
        raise DataError(
            f"{dataset.name}: expected at least 2 training {dataset.rows}, one to train and one to "
            f"validate on, got {count}"
        )
    num_train = int(count * (1 - validation_share))
    if dataset.num_validation is not None and count == len(dataset.train):
        num_train = count - dataset.num_validation
    elif dataset.units is not None and 0 < num_train < count:
        num_train = _at_unit(dataset.units[:count], num_train)
    if not 0 < num_train < count:
        raise DataError(
            f"{dataset.name}: expected training {dataset.rows} of which some train and some "
            f"validate, got {num_train} of {count} to train on with training.validation_share="
            f"{validation_share}; change it, or take more {dataset.rows}"
        )
    return num_train


def _at_unit(units: NDArray[np.int64], place: int) -> int:
    """The place nearest to one in front of it, or behind, at which a unit begins."""
    is_inside = units[1:] == units[:-1]
    edges = np.flatnonzero(~is_inside) + 1
    return int(edges[np.abs(edges - place).argmin()]) if len(edges) else 0


def class_counts(task: Task, labels: NDArray[Any]) -> dict[str, int]:
    """How many texts each class or label has, by name; nothing for a regression."""
    if not task.is_classification:
        return {}
    if task.has_one_class:
        counts = np.bincount(labels, minlength=len(task.classes))
    else:
        counts = labels.sum(0)
    return {name: int(count) for name, count in zip(task.classes, counts, strict=True)}


def check_texts(dataset: TextDataset, tokens: str, num_train: int, min_count: int = 0) -> None:
    """Refuse texts that nothing can be learnt from.

    Args:
        dataset: The texts.
        tokens: Name of what splits them; of one that learns, which has yet to, their characters
            are looked at.
        num_train: The first so many texts train.
        min_count: Training texts that an n-gram of the linear model must be in; 0 for none.

    Raises:
        DataError: The training texts have one class alone or, for a linear model, lack one; a part
            has no words, or no word is in enough texts.
    """
    train, task = dataset.train.first(num_train), dataset.task
    missing = task.missing(train.labels)
    if not task.has_one_class:
        min_count = 0  # there is no linear model
    if len(task.classes) - len(missing) < 2 and task.has_one_class:
        raise DataError(
            f"{dataset.name}: expected training texts of two classes, got {num_train} of class "
            f"{task.named(train.labels[:1])[0]} alone; take more texts"
        )
    if missing and min_count:
        raise DataError(
            f"{dataset.name}: expected training texts of every class for the linear model, got "
            f"none of {missing[0]} in {num_train:,}; take more texts, or leave it out by "
            "linear_model.order=0"
        )
    tokeniser = tokenise.FIXED.get(tokens, tokenise.CHARACTERS)
    held_out = "validation" if dataset.test_is_validation else "test"
    for part, texts in (("training", train.texts), (held_out, dataset.test.texts)):
        if not _has_word(texts, tokeniser, 1):
            raise DataError(
                f"{dataset.name}: expected words in the {part} texts, got none in {len(texts):,} "
                "texts"
            )
    if not _has_word(train.texts, tokeniser, min_count):
        raise DataError(
            f"{dataset.name}: expected words that at least linear_model.min_count={min_count} "
            f"training texts have, got none in {num_train:,} texts; lower it, or leave the linear "
            "model out by linear_model.order=0"
        )


def _has_word(texts: Sequence[str], tokeniser: Tokeniser, min_count: int) -> bool:
    """Whether a word stands in so many of the texts; no more of them are read than tell it."""
    counts: Counter[str] = Counter()
    for start in range(0, len(texts), CHECKED_AT_ONCE):
        words = tokeniser.split(texts[start : start + CHECKED_AT_ONCE])
        # Each text's words once: pairs of text and word, as one number.
        texts_of = np.repeat(np.arange(len(words)), words.codes.lengths())
        pairs = np.unique(texts_of * len(words.distinct) + words.codes.values)
        times = np.bincount(pairs % max(len(words.distinct), 1), minlength=len(words.distinct))
        counts.update(dict(zip(words.distinct.to_pylist(), times.tolist(), strict=True)))
        if counts and max(counts.values()) >= min_count:
            return True
    return not min_count


def _counts(part: str, ids: Ragged, max_length: int | None, split: Split) -> dict[str, Any]:
    return {
        f"{part}_words": len(ids.values) - len(ids),
        f"{part}_words_unknown": int(np.count_nonzero(ids.values == UNKNOWN)),
        f"{part}_texts_empty": int(np.count_nonzero(ids.lengths() == 1)),
        f"{part}_texts_cut": int(np.count_nonzero(ids.lengths() > (max_length or np.inf))),
        f"{part}_sha256": split.fingerprint(),
    }
