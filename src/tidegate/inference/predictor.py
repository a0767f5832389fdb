"""A trained model that answers: a model folder on NumPy and the engine, without PyTorch.

model = tidegate.load("runs/reviews/models/gru-seed0")
model.predict(["A film to remember."])
model.predict_proba(["A film to remember."])
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.data.preprocessing import Reading
from tidegate.data.ragged import Ragged
from tidegate.errors import DataError
from tidegate.inference import model_folder
from tidegate.inference.model_folder import ModelFolder
from tidegate.inference.network import Network
from tidegate.task import Task

Part = Literal["all", "network", "linear"]

CHUNK_TEXTS = 4_096
"""Texts that are worked on at once: memory does not grow with the number of texts."""


class Predictor:
    """A trained model: rows in, answers out.

    An answer has the same bits whatever is predicted beside it.

    Args:
        folder: What :func:`load` read.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self.folder = folder
        self._network = Network(folder.architecture, folder.tensors)

    @property
    def task(self) -> Task:
        """What the model is asked."""
        return self.folder.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes or labels; of a regression's numbers."""
        return self.folder.task.classes

    @property
    def parts(self) -> tuple[Part, ...]:
        """What may answer: ``all``, and where there is a linear model each of the two alone."""
        return ("all",) if self.folder.linear is None else ("all", "network", "linear")

    def predict(self, texts: Sequence[str], *, part: Part = "all") -> NDArray[Any]:
        """The answer to every text.

        Args:
            texts: A list, an array or a column of texts.
            part: ``all`` for the network and, where there is one, the linear model together;
                ``network`` or ``linear`` for one of them alone.

        Returns:
            Names of classes, (N,); for multi-label 0 or 1 for every label, (N, C); for a
            regression the numbers, (N,) or (N, C).

        Raises:
            DataError: A text is no text, or has half a surrogate pair.
            ValueError: There is no such part.

        Example:
            >>> model.predict(["a wonderful film", "a waste of time"])
            array(['pos', 'neg'], dtype='<U3')
        """
        answers = self.task.decide(self.outputs(texts, part=part))
        if self.task.has_one_class:
            return np.asarray(np.asarray(self.classes)[answers])
        is_one_number = not self.task.is_classification and len(self.classes) == 1
        return answers[:, 0] if is_one_number else answers

    def predict_proba(self, texts: Sequence[str], *, part: Part = "all") -> NDArray[np.float64]:
        """The probability of every class, (N, number of classes), in the order of :attr:`classes`.

        Args:
            texts, part: As of :meth:`predict`.

        Raises:
            DataError: As of :meth:`predict`.
            ValueError: The model answers with numbers; or there is no such part.
        """
        return self.task.probabilities(self.outputs(texts, part=part))

    def outputs(self, texts: Sequence[str], *, part: Part = "all") -> NDArray[np.float64]:
        """The logits, or numbers of a regression, (N, C): what answers are decided by."""
        return self.answer(texts, part=part)[0]

    def answer(
        self, texts: Sequence[str], *, part: Part = "all"
    ) -> tuple[NDArray[np.float64], Reading]:
        """What :meth:`outputs` gives, and how much of the texts the model could read."""
        self._check_part(part)
        given = checked_texts(texts)
        outputs, reading = [np.empty((0, self.task.num_outputs))], Reading()
        for start in range(0, len(given), CHUNK_TEXTS):
            inputs, counts = self.folder.preprocessor.read(given[start : start + CHUNK_TEXTS])
            outputs.append(self.outputs_of(inputs, part))
            reading += counts
        return np.concatenate(outputs), reading

    def outputs_of(self, inputs: Mapping[str, Ragged], part: Part = "all") -> NDArray[np.float64]:
        """What :meth:`outputs` gives, from what the model's preprocessor made of texts."""
        linear, blend = self.folder.linear, self.folder.blend
        if linear is None or blend is None or part == "network":
            return self._network.outputs(inputs)
        logits = linear.decision_function(inputs["full_token_ids"])
        if part == "linear":
            return logits
        return blend.combine({"network": self._network.outputs(inputs), "linear": logits})

    def _check_part(self, part: str) -> None:
        if part not in get_args(Part) or (part == "linear" and self.folder.linear is None):
            raise ValueError(f"predict: expected part of {', '.join(self.parts)}, got {part!r}")


def checked_texts(texts: Sequence[str]) -> list[str]:
    """Texts as a list.

    Raises:
        DataError: One text alone, or something that is no text.
    """
    if isinstance(texts, str | bytes):
        raise DataError("predict: expected a list of texts, got one text; give [text]")
    given = [*texts]
    for number, text in enumerate(given):
        if not isinstance(text, str):
            raise DataError(
                f"predict: expected texts, got {type(text).__name__} at index {number}: "
                f"{str(text)[:40]!r}"
            )
    return given


def load(path: str | os.PathLike[str], *, allow_nonfinite: bool = False) -> Predictor:
    """Read the model folder of a trained model.

    Nothing in a model folder is code, and nothing in it is run.

    Args:
        path: The folder, for example ``runs/imdb-20261126-100000/models/gru-seed0``.
        allow_nonfinite: Accept weights that are NaN or infinite.

    Raises:
        FormatError: The folder is none of this version, or damaged.
    """
    return Predictor(model_folder.load(Path(path), allow_nonfinite=allow_nonfinite))
