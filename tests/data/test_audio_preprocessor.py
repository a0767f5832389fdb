"""The preprocessor of recordings: its values, its counts, and what is stored of it."""

import numpy as np
import pytest

from tidegate.data.audio import FrontEnd
from tidegate.data.preprocessing import AudioPreprocessor, from_json
from tidegate.data.preprocessing.audio import frames_of
from tidegate.data.preprocessing.series import SeriesOptions
from tidegate.data.series import SeriesSet
from tidegate.errors import DataError, FormatError


@pytest.fixture
def recordings():
    rng = np.random.default_rng(3)
    return [rng.normal(0, 0.1, n).astype(np.float32) for n in (1_600, 4_000, 200)]


@pytest.fixture
def preprocessor(recordings):
    return AudioPreprocessor.fit(recordings, SeriesOptions(differences=True))


def test_values_are_scaled_frames(recordings, preprocessor):
    arrays, reading = preprocessor.read(recordings)
    values = arrays["values"]
    assert values.lengths().tolist() == [8, 23, 1]
    assert (preprocessor.input_size, values.values.shape) == (80, (32, 80))
    assert (reading.recordings, reading.resampled) == (3, {})
    assert reading.seconds == pytest.approx(5_800 / 16_000)
    frames = np.concatenate([FrontEnd().frames(one) for one in recordings]).astype(np.float64)
    expected = (frames - frames.mean(0)) / frames.std(0)
    np.testing.assert_allclose(values.values[:, :40], expected, rtol=0, atol=1e-5)


def test_an_answer_does_not_depend_on_the_other_recordings(recordings, preprocessor):
    together = preprocessor.transform(recordings)["values"]
    for number, one in enumerate(recordings):
        alone = preprocessor.transform([one])["values"]
        assert alone.values.tobytes() == together[number].tobytes()


def test_frames_are_taken_as_they_are(recordings, preprocessor):
    frames, _ = frames_of(recordings, FrontEnd())
    arrays, reading = preprocessor.read(frames)
    assert (
        arrays["values"].values.tobytes()
        == preprocessor.transform(recordings)["values"].values.tobytes()
    )
    assert reading.recordings == 3


def test_it_is_stored_and_replays_exactly(recordings, preprocessor):
    again = from_json(preprocessor.to_json())
    assert again == preprocessor
    assert again.transform(recordings)["values"].values.tobytes() == (
        preprocessor.transform(recordings)["values"].values.tobytes()
    )
    assert "recordings at 16,000 Hz as frames of 25 ms every 10 ms" in again.describe()


def test_what_was_stored_by_no_preprocessor(preprocessor):
    content = preprocessor.to_json()
    bad = [
        {key: value for key, value in content.items() if key != "series"},
        {**content, "more": 1},
        {**content, "series": []},
        {**content, "series": {**content["series"], "kind": "text"}},
        {**content, "front_end": {**content["front_end"], "num_mels": 39}},
        {**content, "series": {**content["series"], "time": "difference"}},
    ]
    for one in bad:
        with pytest.raises(FormatError, match="preprocessor"):
            from_json(one)


def test_what_is_no_list_of_recordings(preprocessor):
    for given in ("a.wav", np.zeros((2, 100), np.float32), 3):
        with pytest.raises(DataError, match="recordings: expected a list of paths"):
            preprocessor.read(given)
    with pytest.raises(DataError, match="expected frames of 40 mel bands, got series"):
        preprocessor.read(SeriesSet.from_arrays([np.zeros((3, 2))]))
    with pytest.raises(DataError, match="recording 1: expected a recording with samples"):
        preprocessor.read([np.zeros(500, np.float32), np.zeros(0, np.float32)])
