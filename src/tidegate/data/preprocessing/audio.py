"""Recordings as the numbers that a network reads: log-mel frames, scaled like any other series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from tidegate.data.audio.front_end import FrontEnd
from tidegate.data.audio.recording import AudioReading, recording_of
from tidegate.data.preprocessing.series import SeriesOptions, SeriesPreprocessor
from tidegate.data.ragged import Ragged
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import DataError, FormatError


@dataclass(frozen=True)
class AudioPreprocessor:
    """Turns recordings into one ragged array of numbers, ``values``, (P, :attr:`input_size`).

    A front end computes the frames of a recording, and a preprocessor of series scales them.
    """

    kind: ClassVar[str] = "audio"

    front_end: FrontEnd
    series: SeriesPreprocessor
    """Of frames, whose channels are those of the front end."""

    @classmethod
    def fit(cls, given: Any, options: SeriesOptions, front_end: FrontEnd | None = None) -> Self:
        """Measure means and deviations of frames.

        Args:
            given: The recordings that train, as :meth:`read` takes them; or their frames.
            options: How frames are scaled.
            front_end: Computes the frames; by default one with its default settings.

        Raises:
            DataError: A recording cannot be read, or the frames are of another front end.
        """
        front_end = front_end or FrontEnd()
        frames, _ = frames_of(given, front_end)
        return cls(front_end, SeriesPreprocessor.fit(frames, options))

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the numbers in a frame."""
        return self.series.channels

    @property
    def options(self) -> SeriesOptions:
        """How frames are scaled."""
        return self.series.options

    @property
    def input_size(self) -> int:
        """Numbers at every step."""
        return self.series.input_size

    @property
    def looks_ahead(self) -> bool:
        """Whether what a network reads at a frame depends on later frames."""
        return self.series.looks_ahead

    def transform(self, given: Any) -> dict[str, Ragged]:
        """The array of some recordings, by name; see :meth:`read`."""
        return self.read(given)[0]

    def read(self, given: Any) -> tuple[dict[str, Ragged], AudioReading]:
        """The array of some recordings, by name, and counts of recordings.

        Args:
            given: A list of recordings, each a path, a pair (samples, rate), or samples at the
                front end's rate; or the frames of recordings as a :class:`SeriesSet`.

        Raises:
            DataError: A recording cannot be read, with its path or number.
            MissingPackageError: soundfile or soxr is needed, and not installed.
        """
        frames, reading = frames_of(given, self.front_end)
        return self.series.transform(frames), reading

    def describe(self) -> str:
        """What becomes of a recording, in a line."""
        front_end = self.front_end
        return (
            f"recordings at {front_end.sample_rate:,} Hz as frames of {front_end.frame_ms:g} ms "
            f"every {front_end.hop_ms:g} ms, each the logarithms of the energy in "
            f"{front_end.num_mels} mel bands from {front_end.low_hz:g} to "
            f"{front_end.high_hz:g} Hz; {self.series.describe()}"
        )

    def to_json(self) -> dict[str, Any]:
        """What a model folder keeps of it."""
        return {
            "kind": self.kind,
            "front_end": self.front_end.to_json(),
            "series": self.series.to_json(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The preprocessor of :meth:`to_json`.

        Raises:
            FormatError: The content is not that of a preprocessor of recordings.
        """
        keys = {"kind", "front_end", "series"}
        if content.keys() != keys:
            raise FormatError(
                f"preprocessor: expected the keys {', '.join(sorted(keys))}, got "
                f"{', '.join(map(str, content)) or 'none'}"
            )
        series = content["series"]
        if not isinstance(series, Mapping) or series.get("kind") != SeriesPreprocessor.kind:
            raise FormatError("preprocessor: expected a preprocessor of kind series, got another")
        made = cls(
            FrontEnd.from_json(content["front_end"]),
            SeriesPreprocessor.from_json(content["series"]),
        )
        if made.series.channels != made.front_end.channels or made.series.options.time != "ignore":
            raise FormatError(
                f"preprocessor: expected the {made.front_end.num_mels} channels of its front end "
                f"and no times, got {len(made.series.channels)} channels"
            )
        return made


def frames_of(given: Any, front_end: FrontEnd) -> tuple[SeriesSet, AudioReading]:
    """The frames of some recordings, and counts of recordings; see :meth:`AudioPreprocessor.read`.

    Raises:
        DataError: A recording cannot be read, or frames are of another front end.
    """
    if isinstance(given, SeriesSet):
        if given.channels != front_end.channels:
            raise DataError(
                f"recordings: expected frames of {front_end.num_mels} mel bands, got series of the "
                f"channels {', '.join(given.channels[:8]) or 'none'}"
            )
        seconds = given.num_steps * front_end.hop / front_end.sample_rate
        return given, AudioReading(len(given), seconds)
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise DataError(
            "recordings: expected a list of paths, pairs (samples, rate), or arrays of samples, "
            f"got {type(given).__name__}"
        )
    frames, reading = [], AudioReading()
    for number, one in enumerate(given):
        recording = recording_of(one, front_end.sample_rate, f"recording {number}")
        reading += AudioReading.of([recording], front_end.sample_rate)
        frames.append(front_end.frames(recording.samples))
    return SeriesSet.from_arrays(frames, channels=front_end.channels), reading
