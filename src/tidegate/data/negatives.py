"""Negative sampling for the softmax of language-model training."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.seeding import derive_seed


@dataclass(frozen=True)
class Candidates:
    """Sampled words and their importance weights."""

    ids: NDArray[np.int64]
    """Distinct, ascending; shape (S,)."""
    log_weights: NDArray[np.float64]
    """The logarithm of 1 / the probability to be drawn, shape (S,)."""


class Negatives:
    """Words drawn without replacement, each by itself: Poisson sampling.

    A word of frequency f is drawn with the probability min(1, c f^power), and c is such that
    ``expected`` words come on average. The most frequent words thus come always. A sum over the
    drawn words, each weighted by 1 / its probability, has the sum over the vocabulary as its mean
    (Horvitz and Thompson 1952, doi:10.1080/01621459.1952.10483446).

    Args:
        counts: How often each word stands in the corpus, shape (V,); one is added, so that every
            word can be drawn.
        expected: How many words are drawn on average; V or more draws them all.
        power: Between 0, all words alike, and 1, by frequency. Mikolov et al. 2013
            (arXiv:1310.4546) found 0.75 best.
        seed: What the draws depend on, with the step.

    Raises:
        ValueError: ``expected`` below 1.
    """

    def __init__(
        self, counts: NDArray[np.int64], expected: int, *, seed: int, power: float = 0.75
    ) -> None:
        if expected < 1:
            raise ValueError(f"Negatives: expected at least 1 word to draw, got {expected}")
        self.seed = seed
        self.probabilities = _probabilities(np.power(counts + 1.0, power), expected)

    def draw(self, step: int) -> Candidates:
        """The candidates of a step; a function of (seed, step) alone."""
        bits = np.random.Philox(derive_seed(self.seed, "negatives", step))
        is_drawn = np.random.Generator(bits).random(len(self.probabilities)) < self.probabilities
        ids = np.flatnonzero(is_drawn)
        return Candidates(ids, -np.log(self.probabilities[ids]))


def all_words(num_words: int) -> Candidates:
    """The whole vocabulary, with which a sampled loss is the full one."""
    return Candidates(np.arange(num_words), np.zeros(num_words))


def _probabilities(sizes: NDArray[np.float64], expected: int) -> NDArray[np.float64]:
    """In proportion to sizes, none above 1, with the sum ``expected``."""
    if expected >= len(sizes):
        return np.ones(len(sizes))
    descending = np.sort(sizes)[::-1]
    # With the k largest at 1, the others share expected - k; the first k that leaves none above 1.
    num_certain = np.arange(expected)
    scales = (expected - num_certain) / np.cumsum(descending[::-1])[::-1][:expected]
    scale = scales[np.argmax(scales * descending[:expected] <= 1)]
    probabilities: NDArray[np.float64] = np.minimum(scale * sizes, 1)
    return probabilities
