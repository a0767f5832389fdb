"""The linear model: logistic regression on n-grams weighted by naive Bayes (NB), for inference.

A text is the set of its n-grams. Let p be the number of a class's texts that have an n-gram, plus
alpha, and q that of all other texts. The n-gram's feature is not 1 but its log-count ratio

    r = log((p / sum p) / (q / sum q)),

so the penalty on the coefficients of these features holds back least the n-grams that tell the
classes apart. The features of a text are divided by their Euclidean norm, lest long texts have
large logits only because they are long. Several classes: one regression each, against the rest.

Source: Wang and Manning 2012, "Baselines and bigrams" (with a linear SVM in place of the logistic
regression, and without the norm).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ngrams import NgramIndex
from tidegate.data.ragged import Ragged
from tidegate.data.vocabulary import FIRST_WORD, Vocabulary
from tidegate.errors import FormatError


@dataclass(frozen=True)
class NgramClassifier:
    """A trained linear classifier of token sequences, for two or more classes."""

    index: NgramIndex
    ratios: NDArray[np.float32]
    """r, shape (K, number of n-grams), where K is the number of classes, or 1 for two classes with
    one logit."""
    coefficients: NDArray[np.float32]
    """What each n-gram adds to each logit, before the norm: r times the regression's coefficient,
    of the same shape."""
    intercepts: NDArray[np.float32]
    """Shape (K,)."""

    @property
    def num_parameters(self) -> int:
        """The number of trained parameters."""
        return int(self.coefficients.size + self.intercepts.size)

    def decision_function(self, sequences: Ragged) -> NDArray[np.float64]:
        """The logits of sequences; n-grams that training did not see add nothing.

        Returns:
            (N, K): for two classes one logit, above 0 where class 1 is likelier. A sequence's
            logits do not depend on the others.
        """
        ngrams = self.index.find(sequences)
        count, columns = len(ngrams), ngrams.values
        rows = np.repeat(np.arange(count), ngrams.lengths())
        logits = np.empty((count, len(self.intercepts)))
        for k, intercept in enumerate(self.intercepts):
            ratios, parts = self.ratios[k][columns], self.coefficients[k][columns]
            sums = np.bincount(rows, parts, minlength=count)
            logits[:, k] = sums / norms(rows, ratios, count) + intercept
        return logits

    def compact(self, vocabulary: Vocabulary) -> tuple["NgramClassifier", Vocabulary]:
        """An equal classifier over a smaller vocabulary: only the words that its n-grams have.

        Args:
            vocabulary: The vocabulary of the sequences that it was trained on.

        Returns:
            The classifier, and the smaller vocabulary for its texts. All other words become
            unknown; they add nothing to the logits, as before.
        """
        ids = self.index.codes[0]
        is_word = ids >= FIRST_WORD
        words = [vocabulary.words[number - FIRST_WORD] for number in ids[is_word].tolist()]
        # Codes of longer n-grams refer to places in this array, which do not change.
        renumbered = np.where(is_word, np.cumsum(is_word) - 1 + FIRST_WORD, ids)
        index = NgramIndex((renumbered, *self.index.codes[1:]))
        smaller = NgramClassifier(index, self.ratios, self.coefficients, self.intercepts)
        return smaller, Vocabulary(words, vocabulary.tokeniser)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by name, for a model folder: integers are int64, other numbers float32."""
        codes = {f"codes_{order}": codes for order, codes in enumerate(self.index.codes, 1)}
        return {
            **codes,
            "ratios": self.ratios,
            "coefficients": self.coefficients,
            "intercepts": self.intercepts,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The classifier of :meth:`to_arrays`, with the same bits.

        Raises:
            FormatError: The arrays are not those of a classifier.
        """
        parts = ["ratios", "coefficients", "intercepts"]
        codes = [f"codes_{order}" for order in range(1, len(arrays) - len(parts) + 1)]
        if not codes or {*arrays} != {*codes, *parts}:
            raise FormatError(
                "NgramClassifier: expected arrays codes_1, codes_2 and so on, ratios, "
                f"coefficients and intercepts, got {sorted(arrays)}"
            )
        for name in (*codes, *parts):
            _check_array(name, arrays[name], np.int64 if name in codes else np.float32)
        index = NgramIndex(tuple(arrays[name] for name in codes))
        ratios, coefficients, intercepts = (arrays[name] for name in parts)
        expected = (len(intercepts), index.num_ngrams)
        if not ratios.shape == coefficients.shape == expected or intercepts.ndim != 1:
            raise FormatError(
                "NgramClassifier: expected ratios and coefficients of shape (K, number of n-grams)"
                f" = {expected}, got {ratios.shape} and {coefficients.shape}"
            )
        return cls(index, ratios, coefficients, intercepts)


def _check_array(name: str, array: NDArray[Any], dtype: Any) -> None:
    """Refuse arrays of another dtype, numbers that are not finite, codes that do not ascend."""
    if array.dtype != dtype:
        raise FormatError(
            f"NgramClassifier: expected {name} of dtype {np.dtype(dtype)}, got {array.dtype}"
        )
    if dtype is np.float32:
        if not np.isfinite(array).all():
            raise FormatError(f"NgramClassifier: expected finite {name}, got others")
    elif array.ndim != 1 or (len(array) and array[0] < 0) or (np.diff(array) <= 0).any():
        raise FormatError(f"NgramClassifier: expected {name} from 0 on, ascending, got others")


def norms(
    rows: NDArray[np.int64], features: NDArray[np.floating[Any]], num_rows: int
) -> NDArray[np.float64]:
    """The Euclidean norm of every row's features, shape (num_rows,); 1 where it would be 0."""
    squares = np.bincount(rows, np.square(features, dtype=np.float64), minlength=num_rows)
    return np.sqrt(np.where(squares == 0, 1, squares))
