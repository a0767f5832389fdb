"""What a model is asked: the kind of answer, and the names of the classes. Without PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import FormatError

Kind = Literal["binary", "multi-class", "multi-label", "regression"]

_SMALLEST = {"binary": 2, "multi-class": 2, "multi-label": 1, "regression": 1}
"""How many classes each kind has at least."""


@dataclass(frozen=True)
class Task:
    """One of four kinds of question about a sequence.

    - binary: which of two classes; one logit, for the second of them. Targets 0 or 1, (N,); in
      training also probabilities.
    - multi-class: which of several classes; a logit for each. Targets the class of each, (N,).
    - multi-label: which labels hold, each for itself; a logit for each. Targets 0 or 1, (N, C).
    - regression: numbers. Targets (N, C), or (N,) where C is 1.

    Raises:
        ValueError: An unknown kind, or names that are too few, too many, or equal.
    """

    kind: Kind = "binary"
    classes: tuple[str, ...] = ("0", "1")
    """Names of the classes or labels, in the order of the outputs; of a regression's numbers."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"Task: expected a kind of {get_args(Kind)}, got {self.kind!r}")
        smallest, count = _SMALLEST[self.kind], len(self.classes)
        if count < smallest or (self.kind == "binary" and count > smallest):
            expected = f"{smallest}" if self.kind == "binary" else f"at least {smallest}"
            raise ValueError(
                f"Task: expected {expected} names of classes for {self.kind}, got {count}"
            )
        if len({*self.classes}) < count:
            raise ValueError(f"Task: expected distinct names of classes, got {self.classes}")

    @property
    def num_outputs(self) -> int:
        """C: logits or numbers that a network's head puts out."""
        return 1 if self.kind == "binary" else len(self.classes)

    @property
    def is_classification(self) -> bool:
        """Whether answers are classes with probabilities, and not numbers."""
        return self.kind != "regression"

    @property
    def has_one_class(self) -> bool:
        """Whether every example has exactly one class."""
        return self.kind in ("binary", "multi-class")

    def probabilities(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of every class.

        Args:
            outputs: Logits, (N, C).

        Returns:
            (N, number of classes), float64; rows add up to 1, but for multi-label, whose labels
            have a probability each.

        Raises:
            ValueError: The task is a regression.
        """
        if self.kind == "regression":
            raise ValueError("Task: expected a classification for probabilities, got a regression")
        outputs = np.asarray(outputs, np.float64)
        if self.kind == "binary":
            return np.asarray(np.exp(-np.logaddexp(0, np.concatenate([outputs, -outputs], 1))))
        if self.kind == "multi-label":
            return np.asarray(np.exp(-np.logaddexp(0, -outputs)))
        shifted = outputs - outputs.max(1, keepdims=True, initial=-np.inf)
        powers = np.exp(shifted)
        return np.asarray(powers / powers.sum(1, keepdims=True))

    def soft_targets(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The answers of one model as targets for another: probabilities instead of classes.

        Returns:
            (N,) for binary, else (N, C): probabilities, or a regression's numbers.
        """
        if self.kind == "regression":
            return np.asarray(outputs, np.float64)
        found = self.probabilities(outputs)
        return found[:, 1] if self.kind == "binary" else found

    def decide(self, outputs: NDArray[np.float64]) -> NDArray[Any]:
        """The answer to every example: what its targets are compared with.

        Returns:
            The class, int64 (N,), for binary and multi-class; 0 or 1, int64 (N, C), for
            multi-label; the numbers themselves, float64 (N, C), for a regression.
        """
        outputs = np.asarray(outputs, np.float64)
        if self.kind == "binary":
            return np.asarray(outputs[:, 0] > 0, np.int64)
        if self.kind == "multi-class":
            return np.asarray(outputs.argmax(1))
        return np.asarray(outputs > 0, np.int64) if self.kind == "multi-label" else outputs

    def named(self, answers: NDArray[Any]) -> list[Any]:
        """Answers or targets as a user reads them.

        Args:
            answers: As :meth:`decide` gives them.

        Returns:
            Names of classes; for multi-label a list of names an example; for a regression the
            number, or a list of several.
        """
        if self.has_one_class:
            return [self.classes[index] for index in answers.tolist()]
        if self.kind == "multi-label":
            return [[self.classes[index] for index in np.flatnonzero(row)] for row in answers]
        rows = answers.reshape(len(answers), -1).tolist()
        return [row[0] if len(row) == 1 else row for row in rows]

    def to_json(self) -> dict[str, Any]:
        """For a JSON file."""
        return {"kind": self.kind, "classes": [*self.classes]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The task of :meth:`to_json`.

        Raises:
            FormatError: The content is not that of a task.
        """
        try:
            kind, classes = content["kind"], content["classes"]
            if {*content} != {"kind", "classes"} or not isinstance(classes, list):
                raise ValueError("expected kind and classes, a list of names, and nothing else")
            if not all(isinstance(name, str) for name in classes):
                raise ValueError("expected names of classes that are texts")
            return cls(kind, tuple(classes))
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"task: {error}") from error
