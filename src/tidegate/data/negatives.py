"""Sampling of words for the sampled softmax of language-model training."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.seeding import derive_seed


@dataclass(frozen=True)
class Candidates:
    """Sampled words and their importance weights."""

    ids: NDArray[np.int64]
    """The sampled ids, distinct and ascending; shape (S,)."""
    log_weights: NDArray[np.float64]
    """Logarithms of the importance weights, 1 / the probability to be drawn; shape (S,)."""


class Negatives:
    """Poisson sampling of words: each is drawn independently, without replacement.

    A word of frequency f is drawn with probability min(1, c f^power), where c makes the expected
    number of words ``expected``. The most frequent words are thus always drawn. A sum over the
    drawn words, weighted by 1 / their probability, is an unbiased estimate of the sum over the
    vocabulary (Horvitz and Thompson 1952, doi:10.1080/01621459.1952.10483446).

    Args:
        counts: Number of occurrences of each word in the corpus, (V,); 1 is added to each, so that
            every word can be drawn.
        expected: Number of words drawn on average; V or more draws all words always.
        power: Exponent of the frequency, from 0 (uniform) to 1 (in proportion to it).
            Mikolov et al. 2013 (arXiv:1310.4546) found 0.75 best.
        seed: Seed of the draws, which depend on the seed and the step alone.

    Raises:
        ValueError: ``expected`` is below 1.
    """

    def __init__(
        self, counts: NDArray[np.int64], expected: int, *, seed: int, power: float = 0.75
    ) -> None:
        if expected < 1:
            raise ValueError(f"Negatives: expected at least 1 word to draw, got {expected}")
        self.seed = seed
        self.probabilities = _probabilities(np.power(counts + 1.0, power), expected)

    def draw(self, step: int) -> Candidates:
        """Draw the candidates of a step; they depend on (seed, step) alone."""
        bits = np.random.Philox(derive_seed(self.seed, "negatives", step))
        is_drawn = np.random.Generator(bits).random(len(self.probabilities)) < self.probabilities
        ids = np.flatnonzero(is_drawn)
        return Candidates(ids, -np.log(self.probabilities[ids]))


def all_words(num_words: int) -> Candidates:
    """The whole vocabulary as candidates, with which the sampled softmax is the full one."""
    return Candidates(np.arange(num_words), np.zeros(num_words))


def _probabilities(sizes: NDArray[np.float64], expected: int) -> NDArray[np.float64]:
    """Probabilities in proportion to sizes, clipped at 1, with the sum ``expected``."""
    if expected >= len(sizes):
        return np.ones(len(sizes))
    descending = np.sort(sizes)[::-1]
    # If the k largest are 1, the others share expected - k. Take the first k with none above 1.
    num_certain = np.arange(expected)
    scales = (expected - num_certain) / np.cumsum(descending[::-1])[::-1][:expected]
    scale = scales[np.argmax(scales * descending[:expected] <= 1)]
    probabilities: NDArray[np.float64] = np.minimum(scale * sizes, 1)
    return probabilities
