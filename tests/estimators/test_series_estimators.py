"""The estimators on series of numbers: containers, company, the model folder, a regression."""

import numpy as np
import pandas as pd
import pytest

import tidegate
from tidegate import Classifier, Regressor
from tidegate.data.series import SeriesSet
from tidegate.errors import ArgumentError, DataError

FEW = {"training.epochs": 8, "hidden_size": 8, "adapt": False}


def waves(count=48, seed=0):
    """Series of two channels and unequal lengths; the class is the sign of the second's trend."""
    draws = np.random.default_rng(seed)
    classes = np.arange(count) % 2
    series = []
    for label in classes:
        steps = np.arange(draws.integers(6, 14))
        trend = (2 * label - 1) * 0.3 * steps + draws.normal(size=len(steps)) / 10
        series.append(np.stack([draws.normal(size=len(steps)), trend], 1) + 5)
    return series, np.array(["down", "up"])[classes]


@pytest.fixture(scope="module")
def able():
    return Classifier(settings=FEW, threads=1).fit(*waves())


def test_a_classifier_of_series_learns(able):
    series, labels = waves(seed=1)
    assert able.score(series, labels) > 0.95
    assert able.classes_.tolist() == ["down", "up"]
    assert able.predict_proba(series).sum(1) == pytest.approx(np.ones(len(series)))
    assert able.model_.parts == ("all", "network", "linear")


def test_an_answer_does_not_depend_on_the_company(able):
    series, _ = waves(seed=2)
    together = able.predict_proba(series)
    alone = np.concatenate([able.predict_proba([one]) for one in series])
    backwards = able.predict_proba(series[::-1])[::-1]
    assert together.tobytes() == alone.tobytes() == np.ascontiguousarray(backwards).tobytes()


def test_containers_are_alike(able):
    array = np.stack([one[:6] for one in waves(seed=3)[0]])
    expected = able.predict_proba([*array])
    for given in (array, tuple(array), SeriesSet.from_arrays([*array])):
        np.testing.assert_array_equal(able.predict_proba(given), expected)
    one_channel = Classifier(settings=FEW, threads=1).fit(array[:, :, 1], waves(seed=3)[1])
    np.testing.assert_array_equal(
        one_channel.predict_proba(array[:, :, 1]), one_channel.predict_proba(array[:, :, 1:])
    )


def test_a_data_frame_with_a_row_a_step_is_read_as_its_series(able):
    series, labels = waves()
    frame = pd.DataFrame(
        {
            "id": np.repeat([f"s{number}" for number in range(len(series))], [*map(len, series)]),
            "0": np.concatenate(series)[:, 0],
            "1": np.concatenate(series)[:, 1],
        }
    )
    fitted = Classifier(settings=FEW, threads=1).fit(frame, labels)
    expected = able.predict_proba(series)
    # A frame's numbers are read as its columns have them, in float64.
    np.testing.assert_allclose(fitted.predict_proba(frame), expected, atol=1e-6)
    assert fitted.model_.folder.preprocessor.channels == ("0", "1")
    without = frame.drop(columns="1")
    with pytest.raises(DataError, match="expected the channels 0, 1, got 0; 1 is missing"):
        fitted.predict(without)


def test_a_saved_model_of_series_answers_alike(able, tmp_path):
    able.save(tmp_path / "model")
    model = tidegate.load(tmp_path / "model")
    series, _ = waves(seed=4)
    assert model.predict_proba(series).tobytes() == able.predict_proba(series).tobytes()
    card = (tmp_path / "model" / "README.md").read_text()
    assert "classifier of series" in card
    assert "series of 2 channels (0, 1)" in card


def test_missing_values_are_marked_and_learnt_without():
    series, labels = waves()
    gaps = [
        np.where(np.random.default_rng(0).random(one.shape) < 0.2, np.nan, one) for one in series
    ]
    with pytest.raises(DataError, match="step .* channel .*series.missing=mask"):
        Classifier(settings=FEW, threads=1).fit(gaps, labels)
    adapted = Classifier(settings={"training.epochs": 8, "hidden_size": 8}, threads=1)
    adapted.fit(gaps, labels)
    assert adapted.model_.folder.preprocessor.options.missing == "mask"
    assert adapted.score(gaps, labels) > 0.9
    plain = Classifier(settings=FEW, threads=1).fit(series, labels)
    with pytest.raises(DataError, match="channel 0: expected a number, got a missing value"):
        plain.predict([np.full((2, 2), np.nan)])


def test_a_regressor_of_series_learns():
    series, _ = waves()
    numbers = np.array([one[-1, 1] - one[0, 1] for one in series]) / 2
    regressor = Regressor(settings={**FEW, "training.epochs": 60}, threads=1).fit(series, numbers)
    assert regressor.score(series, numbers) > 0.9
    assert regressor.predict(series).shape == numbers.shape


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([np.zeros((3, 1))], "expected the channels 0, 1, got 0; 1 is missing"),
        ([np.full((3, 2), np.inf)], "expected a finite number or none, got inf"),
        (["a text"], "expected"),
        (np.zeros(4), "expected"),
    ],
)
def test_what_is_no_series_of_the_model_is_refused(able, given, message):
    with pytest.raises(DataError, match=message):
        able.predict(given)


def test_recipes_for_texts_are_refused():
    with pytest.raises(ArgumentError, match="recipe: expected series or a file .* got fast"):
        Classifier("fast").fit(*waves())
