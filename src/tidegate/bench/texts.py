"""Token batches and lengths as reviews have them, from the packaged reviews or, without, drawn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.bench.problem import generator
from tidegate.data import sources
from tidegate.data.examples import Examples
from tidegate.data.prepared import prepare
from tidegate.data.preprocessing.text import TextOptions
from tidegate.data.tokenise import split
from tidegate.data.vocabulary import FIRST_WORD, START, UNKNOWN
from tidegate.errors import DataError
from tidegate.seeding import permutation

VOCABULARY_SIZE, LENGTH, BATCH_SIZE = 10_000, 200, 32
"""The size of the notebook's vocabulary."""

LOG_LENGTH, LOG_SPREAD = 5.21, 0.62
"""Mean and standard deviation of the logarithm of a review's length in words, measured on the
25,000 labelled training reviews: what stands in for them where they are not installed."""


@dataclass(frozen=True)
class Batches:
    """Batches of the notebook's training, one after the other."""

    tokens: NDArray[np.int64]
    """(number of batches, N, T), padded in front with 0"""
    labels: NDArray[np.float32]
    """(number of batches, N)"""
    source: str

    def mean_distinct(self) -> float:
        """Distinct ids of a batch."""
        return float(np.mean([len(np.unique(batch)) for batch in self.tokens]))

    def mean_real(self) -> float:
        """Positions of a batch that are not padding."""
        return float(np.count_nonzero(self.tokens, axis=(1, 2)).mean())


def notebook_batches(count: int, seed: int = 0) -> Batches:
    """The first batches of an epoch, from the project's own data pipeline.

    Without the reviews, ids follow Zipf's law and lengths are log-normal.
    """
    try:
        data = prepare(
            sources.load("imdb"),
            TextOptions(VOCABULARY_SIZE, LENGTH, padding="front"),
            validation_share=0.2,
        )
    except DataError:
        return _drawn_batches(count, seed)
    assert isinstance(data.train, Examples)
    chosen = permutation(len(data.train), seed, "shuffle", 1)[: count * BATCH_SIZE]
    return Batches(
        data.train.token_ids.take(chosen).values.reshape(-1, BATCH_SIZE, LENGTH).astype(np.int64),
        data.train.targets[chosen].reshape(-1, BATCH_SIZE).astype(np.float32),
        f"reviews of {data.facts['source'].partition(':')[0]}",
    )


def review_lengths(count: int, longest: int, seed: int = 0) -> tuple[NDArray[np.int64], str]:
    """So many lengths, unsorted, with the distribution that reviews have: its quantiles.

    Returns:
        Lengths in words, shape (count,), none above ``longest``, and where they come from.
    """
    try:
        reviews = sources.load("imdb")
    except DataError:
        drawn, source = _drawn_lengths(20_000, seed), "log-normal, as reviews are not installed"
    else:
        texts = reviews.train.texts
        drawn = split(texts).codes.lengths()
        source = f"quantiles of {len(texts):,} IMDB reviews"
    middles = (np.arange(count) + 0.5) / count
    lengths = np.quantile(np.minimum(drawn, longest), middles).astype(np.int64)
    return lengths[permutation(count, seed, "order of lengths")], f"{source}, cut at {longest}"


def _drawn_lengths(count: int, seed: int) -> NDArray[np.int64]:
    lengths = generator(seed, "lengths").lognormal(LOG_LENGTH, LOG_SPREAD, count)
    return np.maximum(lengths, 1).astype(np.int64)


def _drawn_batches(count: int, seed: int) -> Batches:
    draws = generator(seed, "tokens")
    ranks = np.arange(1, VOCABULARY_SIZE - FIRST_WORD + 1)
    shares = 1 / (ranks + 2.7)
    tokens = draws.choice(ranks, (count, BATCH_SIZE, LENGTH), p=shares / shares.sum())
    tokens = tokens + FIRST_WORD - 1
    tokens[draws.random(tokens.shape) < 0.06] = UNKNOWN
    begins = LENGTH - 1 - _drawn_lengths(count * BATCH_SIZE, seed).reshape(count, BATCH_SIZE, 1)
    places = np.arange(LENGTH)
    tokens[places == begins] = START
    tokens[places < begins] = 0
    labels = draws.integers(2, size=(count, BATCH_SIZE)).astype(np.float32)
    return Batches(tokens, labels, "drawn by Zipf's law, as reviews are not installed")
