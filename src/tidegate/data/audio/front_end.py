"""Log-mel frames of a recording, computed by NumPy alone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError, FormatError
from tidegate.storage import schema
from tidegate.storage.schema import Between

_FRAMES_AT_ONCE = 1 << 12
"""Frames that are computed at once, so that long recordings take little memory."""


@dataclass(frozen=True)
class FrontEnd:
    """Computes the logarithm of the energy in bands of the mel scale, frame by frame.

    A frame is ``frame_ms`` of samples, weighted by a periodic Hann window, and the next one begins
    ``hop_ms`` later. With w the window, X_k the discrete Fourier transform of the weighted frame
    padded with zeros to a power of two, and H_m(f) a triangle of height 1:

        energy_m = sum_k H_m(f_k) |X_k|^2 / (sum_n w_n)^2;   frame_m = ln(max(energy_m, floor))

    The triangles' corners are equally far apart in mel = 2595 log10(1 + f / 700 Hz), from
    ``low_hz`` to ``high_hz``, and each begins at the centre of the one before.

    A frame has the same bits whether it is computed alone or among others: no sum is left to a
    matrix product, whose order of summation depends on its size.

    Source: S. S. Stevens, J. Volkmann and E. B. Newman 1937 (the scale); D. O'Shaughnessy 1987,
    Speech Communication, p. 150 (the formula, that of HTK); S. Davis and P. Mermelstein 1980
    (triangular bands).
    """

    sample_rate: Annotated[int, Between(1_000, 192_000)] = 16_000
    """Samples per second of what the frames are computed from; other recordings are resampled."""
    frame_ms: Annotated[float, Between(1, 1_000)] = 25.0
    hop_ms: Annotated[float, Between(1, 1_000)] = 10.0
    num_mels: Annotated[int, Between(1, 256)] = 40
    """Bands, and so numbers in a frame."""
    low_hz: Annotated[float, Between(0, 96_000)] = 20.0
    high_hz: Annotated[float, Between(1, 96_000)] = 7_600.0
    floor: Annotated[float, Between(1e-30, 1.0)] = 1e-10
    """The least energy of a band; a sine of amplitude 1 has about 0.25 in its frequency's bin."""

    def __post_init__(self) -> None:
        if not self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise ArgumentError(
                "high_hz",
                f"expected low_hz < high_hz <= sample_rate / 2 = {self.sample_rate / 2:g}, got "
                f"{self.low_hz:g} and {self.high_hz:g}",
            )
        if self.hop > self.frame_length:
            raise ArgumentError(
                "hop_ms", f"expected at most frame_ms = {self.frame_ms:g}, got {self.hop_ms:g}"
            )
        if any(len(weights) == 0 for _, weights in self._bands):
            raise ArgumentError(
                "num_mels",
                f"expected bands at least as wide as the {self.sample_rate / self.num_bins:g} Hz "
                f"between frequencies, got {self.num_mels} bands; use fewer or longer frames",
            )

    @property
    def frame_length(self) -> int:
        """Samples in a frame."""
        return max(round(self.sample_rate * self.frame_ms / 1_000), 1)

    @property
    def hop(self) -> int:
        """Samples from the beginning of a frame to that of the next."""
        return max(round(self.sample_rate * self.hop_ms / 1_000), 1)

    @property
    def num_bins(self) -> int:
        """The length of the Fourier transform: the power of two from ``frame_length`` on."""
        return 1 << (self.frame_length - 1).bit_length()

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of a frame's numbers, ``mel0`` and so on."""
        return tuple(f"mel{number}" for number in range(self.num_mels))

    def num_frames(self, num_samples: int) -> int:
        """How many frames so many samples have.

        Samples after the last whole frame are left out. A recording that is shorter than a frame
        has one, padded with zeros; one without samples has none.
        """
        if num_samples < self.frame_length:
            return int(num_samples > 0)
        return 1 + (num_samples - self.frame_length) // self.hop

    def frames(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The frames of a whole recording.

        Args:
            samples: Shape (n,), at ``sample_rate``, full scale from -1 to 1.

        Returns:
            Shape (T, num_mels), float32, where T is :meth:`num_frames` of n.
        """
        count = self.num_frames(len(samples))
        result = np.empty((count, self.num_mels), np.float32)
        missing = self.frame_length - len(samples)
        if count and missing > 0:
            samples = np.concatenate([samples, np.zeros(missing, np.float32)])
        for start in range(0, count, _FRAMES_AT_ONCE):
            end = min(start + _FRAMES_AT_ONCE, count)
            first, last = start * self.hop, (end - 1) * self.hop + self.frame_length
            windows = np.lib.stride_tricks.sliding_window_view(
                samples[first:last], self.frame_length
            )
            result[start:end] = self._log_energies(windows[:: self.hop])
        return result

    def stream(self) -> "FrameStream":
        """A stream that gives the frames of a recording which comes in pieces."""
        return FrameStream(self)

    def to_json(self) -> dict[str, Any]:
        """What a model folder keeps of it."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Any) -> "FrontEnd":
        """The front end of :meth:`to_json`.

        Raises:
            FormatError: A key or value that makes no front end.
        """
        if not isinstance(content, Mapping):
            raise FormatError(f"front_end: expected an object, got {type(content).__name__}")
        front_end: FrontEnd = schema.build(cls, dict(content), "front_end")
        return front_end

    def _log_energies(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        """The frames of some windows of samples, (T, frame_length) to (T, num_mels)."""
        weighted = windows.astype(np.float64) * self._window
        spectrum = np.fft.rfft(weighted, self.num_bins, axis=1)
        power = np.ascontiguousarray((spectrum.real**2 + spectrum.imag**2).T)
        power /= self._window.sum() ** 2
        energies = np.zeros((self.num_mels, len(windows)))
        for energy, (first, weights) in zip(energies, self._bands, strict=True):
            # One bin after the other: elementwise, so that no frame's bits depend on the others.
            for offset, weight in enumerate(weights):
                energy += weight * power[first + offset]
        return np.log(np.maximum(energies, self.floor)).T

    @cached_property
    def _window(self) -> NDArray[np.float64]:
        """The periodic Hann window, (frame_length,)."""
        phase = 2 * np.pi * np.arange(self.frame_length) / self.frame_length
        return np.asarray(0.5 - 0.5 * np.cos(phase))

    @cached_property
    def _bands(self) -> list[tuple[int, list[float]]]:
        """For each band the first bin with a weight above 0, and the weights from there on."""
        low, high = (2595 * np.log10(1 + hz / 700) for hz in (self.low_hz, self.high_hz))
        corners = 700 * (10 ** (np.linspace(low, high, self.num_mels + 2) / 2595) - 1)
        hz = np.arange(self.num_bins // 2 + 1) * self.sample_rate / self.num_bins
        bands = []
        for left, centre, right in zip(corners, corners[1:], corners[2:], strict=False):
            rising, falling = (hz - left) / (centre - left), (right - hz) / (right - centre)
            weights = np.minimum(rising, falling)
            inside = np.flatnonzero(weights > 0)
            first = int(inside[0]) if len(inside) else 0
            bands.append((first, weights[inside].tolist()))
        return bands


class FrameStream:
    """Frames of a recording that comes in pieces: the same bits as of the whole.

    Args:
        front_end: Computes the frames.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        self._waiting = np.empty(0, np.float32)
        self._has_frames = False

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The frames that some more samples complete, shape (T, num_mels); T may be 0."""
        front_end = self._front_end
        self._waiting = np.concatenate([self._waiting, samples.astype(np.float32, copy=False)])
        if len(self._waiting) < front_end.frame_length:
            return np.empty((0, front_end.num_mels), np.float32)
        frames = front_end.frames(self._waiting)
        self._waiting = self._waiting[len(frames) * front_end.hop :]
        self._has_frames = True
        return frames

    def finish(self) -> NDArray[np.float32]:
        """The padded frame of a recording that was shorter than a frame, else none."""
        waiting, self._waiting = self._waiting, np.empty(0, np.float32)
        return self._front_end.frames(waiting[: 0 if self._has_frames else None])
