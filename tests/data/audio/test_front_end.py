"""Log-mel frames: values against a direct transform, bits in pieces, bounds of what is stored."""

import numpy as np
import pytest

from tidegate.data.audio import FrontEnd
from tidegate.errors import ArgumentError, FormatError

RNG_SEED = 7


def noise(count):
    return np.random.default_rng(RNG_SEED).uniform(-1, 1, count).astype(np.float32)


def sine(hz, amplitude=1.0, count=16_000, rate=16_000):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(count) / rate)).astype(np.float32)


def directly(front_end, samples):
    """The frames by sums of cosines and sines, in float64, with no FFT."""
    length, size = front_end.frame_length, front_end.num_bins
    n, k = np.arange(length), np.arange(size // 2 + 1)
    window = np.sin(np.pi * n / length) ** 2
    waves = np.exp(-2j * np.pi * np.outer(n, k) / size)
    hz = k * front_end.sample_rate / size
    mel = np.linspace(
        2595 * np.log10(1 + front_end.low_hz / 700),
        2595 * np.log10(1 + front_end.high_hz / 700),
        front_end.num_mels + 2,
    )
    corners = 700 * (10 ** (mel / 2595) - 1)
    bank = np.array(
        [np.interp(hz, corners[m : m + 3], [0, 1, 0]) for m in range(front_end.num_mels)]
    )
    rows = []
    for start in range(0, len(samples) - length + 1, front_end.hop):
        power = np.abs((samples[start : start + length] * window) @ waves) ** 2
        rows.append(np.log(np.maximum(bank @ power / window.sum() ** 2, front_end.floor)))
    return np.array(rows)


@pytest.mark.parametrize(
    "front_end",
    [FrontEnd(), FrontEnd(sample_rate=8_000, high_hz=3_800.0, frame_ms=32.0, num_mels=23)],
    ids=["16 kHz", "8 kHz"],
)
def test_frames_are_those_of_a_direct_transform(front_end):
    samples = noise(5_000)
    frames = front_end.frames(samples)
    assert frames.dtype == np.float32
    # Logarithms of about -10 in float32: half a unit in the last place is 5e-7.
    np.testing.assert_allclose(frames, directly(front_end, samples), rtol=0, atol=2e-6)


@pytest.mark.parametrize("hz", [150.0, 440.0, 1_000.0, 3_000.0, 7_000.0])
def test_a_sine_is_loudest_in_the_band_around_it(hz):
    front_end = FrontEnd()
    mels = np.linspace(2595 * np.log10(1 + 20 / 700), 2595 * np.log10(1 + 7600 / 700), 42)
    centres = 700 * (10 ** (mels[1:-1] / 2595) - 1)
    loudest = front_end.frames(sine(hz)).argmax(1)
    assert {*loudest.tolist()} <= {*np.argsort(np.abs(centres - hz))[:2].tolist()}


def test_twice_the_amplitude_adds_the_logarithm_of_four():
    front_end = FrontEnd()
    loud, quiet = front_end.frames(sine(1_000, 0.5)), front_end.frames(sine(1_000, 0.25))
    band = loud[0].argmax()
    np.testing.assert_allclose(loud[:, band] - quiet[:, band], np.log(4), atol=1e-5)


def test_silence_has_the_floor():
    frames = FrontEnd().frames(np.zeros(1_000, np.float32))
    assert (frames == np.float32(np.log(1e-10))).all()


@pytest.mark.parametrize(
    ("count", "frames"), [(0, 0), (1, 1), (399, 1), (400, 1), (559, 1), (560, 2), (16_000, 98)]
)
def test_number_of_frames(count, frames):
    assert FrontEnd().frames(noise(count)).shape == (frames, 40)


def test_a_short_recording_is_padded_with_zeros():
    samples = noise(123)
    padded = np.concatenate([samples, np.zeros(277, np.float32)])
    assert (FrontEnd().frames(samples) == FrontEnd().frames(padded)).all()


@pytest.mark.parametrize("sizes", [[1], [7, 159, 161], [400], [1_000], [16_001]], ids=str)
@pytest.mark.parametrize("count", [1, 399, 400, 9_999])
def test_pieces_have_the_bits_of_the_whole(sizes, count):
    samples, stream, parts, start = noise(count), FrontEnd().stream(), [], 0
    while start < count:
        size = sizes[len(parts) % len(sizes)]
        parts.append(stream.push(samples[start : start + size]))
        start += size
    joined = np.concatenate([*parts, stream.finish()])
    assert joined.tobytes() == FrontEnd().frames(samples).tobytes()


def test_a_frame_has_the_same_bits_alone_and_across_blocks():
    front_end = FrontEnd()
    samples = noise(160 * 4_100 + 400)
    frames = front_end.frames(samples)
    assert len(frames) > 4_096
    for number in (0, 1, 5, 63, 4_095, 4_096, 4_100):
        alone = front_end.frames(samples[number * 160 :][:400].copy())
        assert alone.tobytes() == frames[number].tobytes()


def test_json_round_trip_and_bounds():
    front_end = FrontEnd(num_mels=24, frame_ms=32.0)
    assert FrontEnd.from_json(front_end.to_json()) == front_end
    for change in (
        {"num_mels": 0},
        {"num_mels": 256},
        {"sample_rate": 10**9},
        {"high_hz": 9_000.0},
        {"low_hz": 7_600.0},
        {"hop_ms": 33.0},
        {"floor": 0.0},
        {"frame_ms": "long"},
        {"window": "hann"},
    ):
        with pytest.raises(FormatError, match="front_end"):
            FrontEnd.from_json({**front_end.to_json(), **change})
    with pytest.raises(FormatError, match="expected an object"):
        FrontEnd.from_json([])


def test_bands_that_hold_no_frequency_are_refused():
    with pytest.raises(ArgumentError, match="num_mels: expected bands at least as wide as the 31"):
        FrontEnd(num_mels=256)
