"""Preprocessors: what turns rows of a data set into the arrays that a network reads.

Each is fitted on training rows alone, is stored with the model, and replays exactly.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.data.preprocessing.audio import AudioPreprocessor
from tidegate.data.preprocessing.forecast import ForecastPreprocessor
from tidegate.data.preprocessing.reading import Reading
from tidegate.data.preprocessing.series import SeriesPreprocessor
from tidegate.data.preprocessing.text import TextPreprocessor
from tidegate.errors import FormatError

__all__ = [
    "AudioPreprocessor",
    "ForecastPreprocessor",
    "Preprocessor",
    "Reading",
    "SeriesPreprocessor",
    "TextPreprocessor",
    "from_json",
]

Preprocessor = TextPreprocessor | SeriesPreprocessor | AudioPreprocessor | ForecastPreprocessor

_KINDS: dict[str, type[Preprocessor]] = {
    TextPreprocessor.kind: TextPreprocessor,
    SeriesPreprocessor.kind: SeriesPreprocessor,
    AudioPreprocessor.kind: AudioPreprocessor,
    ForecastPreprocessor.kind: ForecastPreprocessor,
}


def from_json(content: Mapping[str, Any]) -> Preprocessor:
    """The preprocessor whose ``to_json`` gave this content.

    Raises:
        FormatError: The content is not that of a preprocessor.
    """
    kind = content.get("kind")
    if kind not in _KINDS:
        raise FormatError(f"preprocessor: expected a kind of {', '.join(_KINDS)}, got {kind!r}")
    return _KINDS[kind].from_json(content)
