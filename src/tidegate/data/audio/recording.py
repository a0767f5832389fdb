"""Recordings from files or arrays: one channel of samples at the sample rate of a model."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.audio.whole_file import why_cut
from tidegate.errors import DataError, MissingPackageError
from tidegate.storage import regular

FORMATS = {"WAV": "wav", "WAVEX": "wav", "FLAC": "flac", "OGG": "ogg"}
"""What soundfile calls the formats that are read, and their usual endings."""
LEAST_RATE, MOST_RATE = 1_000, 768_000
"""Sample rates that are read, in Hz."""
MOST_BYTES = 1 << 30
"""The largest file that is read."""
MOST_SAMPLES = 1 << 28
"""The most samples of all channels together, about 4.6 hours of one channel at 16,000 Hz."""


@dataclass(frozen=True)
class Recording:
    """One channel of samples at the sample rate of a model."""

    samples: NDArray[np.float32]
    """Shape (n,), full scale from -1 to 1."""
    given_rate: int
    """Samples per second before it was resampled."""
    num_channels: int
    """Channels that were mixed, by their mean."""


@dataclass
class AudioReading:
    """Counts over recordings; two of them add up."""

    recordings: int = 0
    seconds: float = 0.0
    mixed: int = 0
    """Recordings of several channels, of which the mean is read."""
    resampled: dict[int, int] = field(default_factory=dict)
    """How many were resampled, by the sample rate they had, in Hz."""

    @classmethod
    def of(cls, recordings: Iterable[Recording], sample_rate: int) -> "AudioReading":
        """Count over recordings, which have been resampled to ``sample_rate``."""
        counts = cls()
        for one in recordings:
            rate = one.given_rate
            counts += cls(
                1,
                len(one.samples) / sample_rate,
                int(one.num_channels > 1),
                {rate: 1} if rate != sample_rate else {},
            )
        return counts

    def __iadd__(self, other: "AudioReading") -> "AudioReading":
        self.recordings += other.recordings
        self.seconds += other.seconds
        self.mixed += other.mixed
        rates = sorted({*self.resampled, *other.resampled})
        self.resampled = {
            rate: self.resampled.get(rate, 0) + other.resampled.get(rate, 0) for rate in rates
        }
        return self

    def notices(self, sample_rate: int) -> list[str]:
        """What the user should know of how recordings were read, a sentence each."""
        said = [
            f"{_counted(count)} of {rate:,} Hz {_was(count)} resampled to {sample_rate:,} Hz"
            for rate, count in self.resampled.items()
        ]
        if self.mixed:
            said.append(
                f"{_counted(self.mixed)} of several channels {_was(self.mixed)} mixed to one"
            )
        return said


def read_recording(path: Path, sample_rate: int) -> Recording:
    """Read a wav, flac or ogg file.

    Args:
        path: May be a link.
        sample_rate: What recordings of another rate are resampled to, in Hz.

    Raises:
        DataError: No such file, another format, a cut file, no samples, a sample that is not
            finite, or more than is read.
        MissingPackageError: soundfile or soxr is not installed.
    """
    soundfile = _package("soundfile")
    try:
        descriptor = regular.open_regular(path, follow=True)
    except OSError as error:
        raise DataError(f"{path}: expected a recording, got: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        num_bytes = os.fstat(file.fileno()).st_size
        if num_bytes > MOST_BYTES:
            raise DataError(f"{path}: expected at most {MOST_BYTES:,} bytes, got {num_bytes:,}")
        if not num_bytes:
            raise DataError(f"{path}: expected a recording, got an empty file")
        cut = why_cut(file)
        file.seek(0)
        try:
            with soundfile.SoundFile(file) as sound:
                _check_header(path, sound)
                if cut is not None:
                    raise DataError(f"{path}: expected {cut}; was the file cut?")
                samples = sound.read(dtype="float32", always_2d=True)
                rate, promised = int(sound.samplerate), int(sound.frames)
        except soundfile.SoundFileError as error:
            raise DataError(
                f"{path}: expected a wav, flac or ogg file that can be decoded, got: {error}"
            ) from error
    if len(samples) < promised:
        raise DataError(
            f"{path}: expected {promised:,} samples as its header says, got {len(samples):,}; was "
            "the file cut?"
        )
    return _recording(samples, rate, sample_rate, str(path))


def recording_of(given: Any, sample_rate: int, where: str) -> Recording:
    """The recording of a path, of a pair of samples and their rate, or of samples.

    Args:
        given: A path; ``(samples, rate)``; or samples at ``sample_rate``. Samples are floating
            point numbers, full scale from -1 to 1, (n,) or (n, channels).
        sample_rate: What recordings of another rate are resampled to, in Hz.
        where: Begins the message of an error.

    Raises:
        DataError: As :func:`read_recording`; or something else was given.
    """
    if isinstance(given, str | os.PathLike):
        return read_recording(Path(given), sample_rate)
    rate: Any = sample_rate
    if isinstance(given, tuple) and len(given) == 2:
        given, rate = given
    if isinstance(rate, bool) or not isinstance(rate, int | np.integer):
        raise DataError(f"{where}: expected a sample rate, a whole number of Hz, got {rate!r}")
    if not isinstance(given, np.ndarray) or given.ndim not in (1, 2):
        got = f"shape {given.shape}" if isinstance(given, np.ndarray) else type(given).__name__
        raise DataError(
            f"{where}: expected a path, (samples, rate), or samples of shape (n,) or "
            f"(n, channels), got {got}"
        )
    if not np.issubdtype(given.dtype, np.floating):
        raise DataError(
            f"{where}: expected floating point samples from -1 to 1, got {given.dtype}; divide "
            "16-bit samples by 32768"
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
        samples = given.astype(np.float32)
    samples = samples[:, None] if samples.ndim == 1 else samples
    return _recording(samples, int(rate), sample_rate, where)


def _check_header(path: Path, sound: Any) -> None:
    if sound.format not in FORMATS:
        raise DataError(f"{path}: expected a wav, flac or ogg file, got {sound.format_info}")
    if sound.frames * sound.channels > MOST_SAMPLES:
        raise DataError(
            f"{path}: expected at most {MOST_SAMPLES:,} samples in all channels, got "
            f"{sound.frames * sound.channels:,}; cut the recording into shorter ones"
        )


def _recording(samples: NDArray[np.float32], rate: int, sample_rate: int, where: str) -> Recording:
    """Check samples, (n, channels), mix their channels, and resample them."""
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise DataError(
            f"{where}: expected a sample rate from {LEAST_RATE:,} to {MOST_RATE:,} Hz, got {rate:,}"
        )
    if not samples.size:
        raise DataError(f"{where}: expected a recording with samples, got none")
    if not np.isfinite(samples).all():
        step, channel = np.argwhere(~np.isfinite(samples))[0]
        raise DataError(
            f"{where}: expected finite samples, got {samples[step, channel]} at sample {step:,}"
        )
    num_channels = samples.shape[1]
    mono = samples[:, 0] if num_channels == 1 else samples.mean(1, dtype=np.float64)
    mono = np.ascontiguousarray(mono, np.float32)
    if rate != sample_rate:
        mono = np.asarray(_package("soxr").resample(mono, rate, sample_rate, quality="HQ"))
        if not len(mono):
            raise DataError(
                f"{where}: expected a recording that has a sample at {sample_rate:,} Hz, got "
                f"{len(samples):,} of {rate:,} Hz"
            )
    return Recording(mono.astype(np.float32, copy=False), rate, num_channels)


def _package(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except (ImportError, OSError) as error:  # OSError: soundfile without its library
        raise MissingPackageError(
            f"recordings: expected the package {name}, got: {error}; install it with "
            "pip install 'tidegate[audio]'"
        ) from error


def _counted(count: int) -> str:
    return f"{count:,} recording{'s' * (count != 1)}"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
