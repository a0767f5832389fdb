"""Recordings: values that are read, resampled and mixed, and every bad file refused by name."""

import os
import sys

import numpy as np
import pytest

from tidegate.data.audio import read_recording, recording_of
from tidegate.data.audio.recording import AudioReading
from tidegate.errors import DataError, MissingPackageError

soundfile = pytest.importorskip("soundfile", reason="recordings need soundfile")
pytest.importorskip("soxr", reason="recordings need soxr")


def sine(hz, rate, seconds=1.0):
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def frequency(samples, rate):
    return np.abs(np.fft.rfft(samples * np.hanning(len(samples)))).argmax() * rate / len(samples)


@pytest.fixture
def write(tmp_path):
    """Writes samples to a file; gives its path."""

    def write(samples, rate=16_000, name="a.wav", **options):
        path = tmp_path / name
        soundfile.write(path, samples, rate, **options)
        return path

    return write


@pytest.mark.parametrize(
    ("name", "atol"), [("a.wav", 2**-15), ("a.flac", 2**-15), ("a.ogg", 0.03)], ids=str
)
def test_samples_of_every_format(write, name, atol):
    samples = sine(440, 16_000)
    recording = read_recording(write(samples, name=name), 16_000)
    assert (recording.given_rate, recording.num_channels) == (16_000, 1)
    assert recording.samples.dtype == np.float32
    np.testing.assert_allclose(recording.samples, samples, rtol=0, atol=atol)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_a_resampled_sine_keeps_its_frequency_length_and_amplitude(write, rate):
    recording = read_recording(write(sine(1_000, rate), rate), 16_000)
    assert recording.given_rate == rate
    assert abs(len(recording.samples) - 16_000) <= 1
    assert frequency(recording.samples, 16_000) == pytest.approx(1_000, abs=1)
    assert np.abs(recording.samples[2_000:-2_000]).max() == pytest.approx(0.5, abs=0.005)


def test_what_is_above_half_the_new_rate_is_filtered_out(write):
    """soxr's HQ quality rejects aliases by about 120 dB; 16 bits of the file allow 90."""
    recording = read_recording(write(sine(12_000, 48_000), 48_000), 16_000)
    assert np.abs(recording.samples[2_000:-2_000]).max() < 0.5 * 10 ** (-80 / 20)


def test_channels_are_mixed_by_their_mean(write):
    left, right = sine(440, 16_000), sine(880, 16_000)
    path = write(np.stack([left, right], 1), subtype="FLOAT")
    recording = read_recording(path, 16_000)
    assert recording.num_channels == 2
    np.testing.assert_allclose(recording.samples, (left + right) / 2, rtol=0, atol=1e-7)


def test_paths_pairs_and_arrays_are_the_same_recording(write):
    samples = sine(440, 8_000)
    of_path = recording_of(str(write(samples, 8_000, subtype="FLOAT")), 16_000, "x")
    of_pair = recording_of((samples, 8_000), 16_000, "x")
    assert (of_path.samples == of_pair.samples).all()
    at_rate = recording_of(samples, 8_000, "x")
    assert (at_rate.samples == samples).all()


def cut(path, share):
    os.truncate(path, int(path.stat().st_size * share))
    return path


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_cut_file_is_refused(write, name, share):
    path = cut(write(sine(440, 16_000, 3.0), name=name), share)
    with pytest.raises(DataError, match=f"{name}: expected ") as caught:
        read_recording(path, 16_000)
    assert name != "a.wav" or "96,000 bytes of samples as its header says, got" in str(caught.value)


def test_an_ogg_file_cut_between_pages_is_refused(write):
    path = write(sine(440, 16_000, 3.0), name="a.ogg")
    os.truncate(path, path.read_bytes().rfind(b"OggS"))
    with pytest.raises(DataError, match="a.ogg: expected a page that is marked as the last one"):
        read_recording(path, 16_000)


def test_a_wav_file_of_a_size_that_its_writer_did_not_know(write):
    path = write(sine(440, 16_000))
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = b"\xff" * 4
    path.write_bytes(content)
    assert len(read_recording(path, 16_000).samples) == 16_000


def test_a_header_alone_is_no_recording(write):
    with pytest.raises(DataError, match="a.wav: expected a recording with samples, got none"):
        read_recording(write(np.empty(0)), 16_000)
    path = write(sine(440, 16_000), name="b.wav")
    os.truncate(path, 20)
    with pytest.raises(DataError, match="b.wav: expected "):
        read_recording(path, 16_000)


def test_what_is_no_recording(tmp_path, write):
    with pytest.raises(DataError, match="none.wav: expected a recording, got: No such file"):
        read_recording(tmp_path / "none.wav", 16_000)
    (tmp_path / "text.wav").write_text("good morning " * 20)
    with pytest.raises(DataError, match="text.wav: expected a wav, flac or ogg file that can be"):
        read_recording(tmp_path / "text.wav", 16_000)
    (tmp_path / "empty.wav").touch()
    with pytest.raises(DataError, match="empty.wav: expected a recording, got an empty file"):
        read_recording(tmp_path / "empty.wav", 16_000)
    with pytest.raises(DataError, match=r"a.aiff: expected a wav, flac or ogg file, got AIFF"):
        read_recording(write(sine(440, 16_000), name="a.aiff"), 16_000)
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(DataError, match="pipe.wav: expected a recording, got: a named pipe"):
        read_recording(tmp_path / "pipe.wav", 16_000)
    with pytest.raises(DataError, match="expected a recording, got: Is a directory"):
        read_recording(tmp_path, 16_000)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(write, value):
    samples = sine(440, 16_000)
    samples[123] = value
    with pytest.raises(DataError, match=rf"a.wav: expected finite samples, got {value} at sample"):
        read_recording(write(samples, subtype="FLOAT"), 16_000)


@pytest.mark.parametrize("rate", [1, 999, 1_000_000])
def test_absurd_rates(write, rate):
    with pytest.raises(DataError, match=f"a.wav: expected a sample rate .* got {rate:,}"):
        read_recording(write(sine(1, 16_000), rate), 16_000)


def test_files_and_recordings_too_large(write, monkeypatch):
    path = write(sine(440, 16_000))
    monkeypatch.setattr("tidegate.data.audio.recording.MOST_SAMPLES", 15_999)
    with pytest.raises(DataError, match="at most 15,999 samples in all channels, got 16,000"):
        read_recording(path, 16_000)
    monkeypatch.setattr("tidegate.data.audio.recording.MOST_BYTES", 1_000)
    with pytest.raises(DataError, match="at most 1,000 bytes, got 32,044"):
        read_recording(path, 16_000)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([0.1, 0.2], "got list"),
        (np.zeros((2, 2, 2)), r"got shape \(2, 2, 2\)"),
        (np.zeros(9, np.int16), "got int16; divide 16-bit samples by 32768"),
        ((np.zeros(9), "8000"), "expected a sample rate, a whole number of Hz, got '8000'"),
        ((np.zeros(9), True), "got True"),
        (np.zeros(0), "with samples, got none"),
        (np.zeros((0, 2)), "with samples, got none"),
        (np.array([0, np.nan]), "got nan at sample 1"),
    ],
    ids=str,
)
def test_what_is_given_but_no_recording(given, message):
    with pytest.raises(DataError, match=f"recording 3: .*{message}"):
        recording_of(given, 16_000, "recording 3")


@pytest.mark.parametrize("package", ["soundfile", "soxr"])
def test_a_missing_package_is_named(write, monkeypatch, package):
    path = write(sine(440, 8_000), 8_000)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=rf"{package}.*pip install 'tidegate\[audio\]'"):
        read_recording(path, 16_000)


def test_counts_and_notices():
    given = [(sine(440, 8_000), 8_000)] * 3 + [np.stack([sine(440, 16_000)] * 2, 1)]
    reading = AudioReading.of([recording_of(one, 16_000, "x") for one in given], 16_000)
    assert reading == AudioReading(4, 4.0, 1, {8_000: 3})
    assert reading.notices(16_000) == [
        "3 recordings of 8,000 Hz were resampled to 16,000 Hz",
        "1 recording of several channels was mixed to one",
    ]
    reading += AudioReading(1, 0.5, 0, {8_000: 1, 44_100: 1})
    assert reading == AudioReading(5, 4.5, 1, {8_000: 4, 44_100: 1})
