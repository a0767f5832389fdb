"""Prediction by a trained model, on NumPy and the engine, without PyTorch.

model = tidegate.load("runs/reviews/models/gru-seed0")
model.predict(["A film to remember."])
model.predict_proba(["A film to remember."])
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.data.audio.recording import AudioReading
from tidegate.data.columns import Columns
from tidegate.data.preprocessing import (
    AudioPreprocessor,
    ForecastPreprocessor,
    Reading,
    TextPreprocessor,
)
from tidegate.data.preprocessing.series import VALUES, SeriesReading, parts_of
from tidegate.data.preprocessing.text import FULL_TOKEN_IDS
from tidegate.data.ragged import Ragged
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.given import is_frame, series_of
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import DataError
from tidegate.inference import model_folder
from tidegate.inference.ensemble import make_network
from tidegate.inference.model_folder import ModelFolder
from tidegate.inference.pooled import PooledModel
from tidegate.task import Task

Part = Literal["all", "network", "linear"]

CHUNK_RECORDINGS = 64
"""Recordings in memory at once."""
CHUNK_TEXTS = 4_096
"""Texts in memory as arrays at once, so that memory does not grow with their number."""


class Predictor:
    """A trained model that predicts classes, probabilities or numbers for texts or series.

    An answer has the same bits whatever else is predicted with it.

    Args:
        folder: The content of a model folder; :func:`load` reads one.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self.folder = folder
        self._network = make_network(folder.architecture, folder.tensors)

    def __reduce__(self) -> tuple[type["Predictor"], tuple[ModelFolder]]:
        """Pickle the folder alone: the network is made of it."""
        return type(self), (self.folder,)

    @property
    def task(self) -> Task:
        """The model's task: kind and classes."""
        return self.folder.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes or labels, or of a regression's numbers."""
        return self.folder.task.classes

    @property
    def parts(self) -> tuple[Part, ...]:
        """What can answer: ``all``, and with a linear model ``network`` and ``linear`` too."""
        return ("all",) if self.folder.linear is None else ("all", "network", "linear")

    def predict(self, given: Any, *, part: Part = "all") -> NDArray[Any]:
        """The answer to every text or series.

        Args:
            given: A list, an array or a column of texts. For a model of series an array (number of
                series, steps, channels), a list of arrays (steps, channels), or a data frame with
                the columns that the model was trained on; for recordings a list of paths, of
                (samples, rate), or of samples at the model's rate.
            part: ``all`` for the network and, where there is one, the linear model together;
                ``network`` or ``linear`` for one of them alone.

        Returns:
            Names of classes, (N,); for multi-label 0 or 1 for every label, (N, C); for a
            regression the numbers, (N,) or (N, C); for a forecast the medians of the steps after
            the end of each series, (N, H, C).

        Raises:
            DataError: A text is no string, or has half a surrogate pair; or a series has other
                channels than those of the training, or a value that is refused.
            ValueError: The model has no such part.

        Example:
            >>> model.predict(["a wonderful film", "a waste of time"])
            array(['pos', 'neg'], dtype='<U3')
        """
        answers = self.task.decide(self.outputs(given, part=part))
        if self.task.has_one_class:
            return np.asarray(np.asarray(self.classes)[answers])
        if self.task.kind == "forecast":
            return answers.reshape(len(answers), self.task.horizon, len(self.classes))
        is_one_number = not self.task.is_classification and len(self.classes) == 1
        return answers[:, 0] if is_one_number else answers

    def predict_proba(self, given: Any, *, part: Part = "all") -> NDArray[np.float64]:
        """The probability of every class, (N, number of classes), in the order of :attr:`classes`.

        Args:
            given, part: See :meth:`predict`.

        Raises:
            DataError: See :meth:`predict`.
            ValueError: The model is a regression, or has no such part.
        """
        return self.task.probabilities(self.outputs(given, part=part))

    def outputs(self, given: Any, *, part: Part = "all") -> NDArray[np.float64]:
        """The logits, or a regression's numbers, (N, C), before classes are chosen."""
        return self.answer(given, part=part)[0]

    def answer(
        self, given: Any, *, part: Part = "all"
    ) -> tuple[NDArray[np.float64], Reading | SeriesReading | AudioReading]:
        """The outputs of :meth:`outputs`, and counts of what was read: unknown tokens, say."""
        self._check_part(part)
        outputs, reading = [np.empty((0, self.task.num_outputs))], self._no_reading()
        for rows in self._chunks(given):
            inputs, counts = self.folder.preprocessor.read(rows)
            outputs.append(self.outputs_of(inputs, part))
            reading += counts
        return np.concatenate(outputs), reading

    def _chunks(self, given: Any) -> Iterator[Any]:
        """What is given, checked, some of it at a time."""
        if isinstance(self.folder.preprocessor, TextPreprocessor):
            texts = checked_texts(given)
            yield from (texts[i : i + CHUNK_TEXTS] for i in range(0, len(texts), CHUNK_TEXTS))
            return
        columns, preprocessor = self.folder.columns, self.folder.preprocessor
        assert not isinstance(columns, Columns)
        if isinstance(preprocessor, AudioPreprocessor) and not isinstance(given, SeriesSet):
            recordings = [*given] if isinstance(given, np.ndarray) else given
            for start in range(0, max(len(recordings), 1), CHUNK_RECORDINGS):
                yield recordings[start : start + CHUNK_RECORDINGS]
            return
        channels = preprocessor.channels
        if isinstance(preprocessor, ForecastPreprocessor):
            channels = (*channels, *preprocessor.known)
            if is_frame(given):
                given = _series_of_frame(given, preprocessor, columns)
        yield from parts_of(series_of(given, channels, columns, where="predict"))

    def _no_reading(self) -> Any:
        readings = {"text": Reading, "audio": AudioReading}
        return readings.get(self.folder.preprocessor.kind, SeriesReading)()

    def outputs_of(self, inputs: Mapping[str, Ragged], part: Part = "all") -> NDArray[np.float64]:
        """Like :meth:`outputs`, for the preprocessor's arrays of texts, by name."""
        linear, blend = self.folder.linear, self.folder.blend
        if linear is None or blend is None or part == "network":
            return self._network.outputs(inputs)
        read = VALUES if isinstance(linear, PooledModel) else FULL_TOKEN_IDS
        logits = linear.decision_function(inputs[read])
        if part == "linear":
            return logits
        return blend.combine({"network": self._network.outputs(inputs), "linear": logits})

    def _check_part(self, part: str) -> None:
        if part not in get_args(Part) or (part == "linear" and self.folder.linear is None):
            raise ValueError(f"predict: expected part of {', '.join(self.parts)}, got {part!r}")


def _series_of_frame(
    frame: Any, preprocessor: ForecastPreprocessor, columns: SeriesColumns | None
) -> SeriesSet:
    """The series to forecast of a data frame: also of one without times or names of series."""
    # Here, for a model that answers need not wait for what reads tables.
    from tidegate.data.own_forecast.frame import read_frame

    if columns is None:  # the training's series were arrays
        columns = SeriesColumns(values=preprocessor.channels, known=preprocessor.known)
    return read_frame(frame, columns, where="predict")[0]


def checked_texts(texts: Sequence[str]) -> list[str]:
    """Check texts, and make a list of them.

    Raises:
        DataError: There is a single text instead of a list, or one that is no string.
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
        FormatError: The folder is damaged, incomplete, or of another version.
    """
    return Predictor(model_folder.load(Path(path), allow_nonfinite=allow_nonfinite))
