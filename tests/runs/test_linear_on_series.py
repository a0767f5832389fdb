"""The linear model on series in a run and in its model folder."""

import numpy as np
import pytest

from tidegate import Classifier, Regressor
from tidegate.errors import FormatError
from tidegate.inference import model_folder
from tidegate.inference.model_folder import ModelFolder
from tidegate.inference.pooled import PooledModel
from tidegate.inference.predictor import Predictor
from tidegate.storage import tensors

SETTINGS = {"training.epochs": 1, "training.adapt": False, "network.hidden_size": 4}


def series():
    random = np.random.default_rng(0)
    factors = random.uniform(0.5, 2, 40)
    lengths = random.integers(3, 12, 40).tolist()
    values = [
        random.normal(size=(length, 2)) * factor
        for length, factor in zip(lengths, factors, strict=True)
    ]
    return values, factors


@pytest.fixture(scope="module")
def trained():
    values, factors = series()
    labels = np.where(factors > 1.2, "wild", "calm")
    model = Classifier(settings=SETTINGS, random_state=0, threads=1).fit(values, labels)
    return model.model_, values


def test_a_classification_is_blended_with_it(trained, tmp_path):
    model, values = trained
    folder = model.folder
    assert isinstance(folder.linear, PooledModel)
    assert model.parts == ("all", "network", "linear")
    network, linear = (model.outputs(values, part=part) for part in ("network", "linear"))
    inputs = folder.preprocessor.transform(_set(values, folder))
    np.testing.assert_array_equal(linear, folder.linear.decision_function(inputs["values"]))
    both = folder.blend.combine({"network": network, "linear": linear})
    np.testing.assert_array_equal(model.outputs(values), both)
    folder.save(tmp_path / "model")
    again = Predictor(model_folder.load(tmp_path / "model"))
    np.testing.assert_array_equal(again.outputs(values), both)
    np.testing.assert_array_equal(again.outputs(values[3:4]), both[3:4])


def _set(values, folder: ModelFolder):
    from tidegate.data.series.series_set import SeriesSet

    return SeriesSet.from_arrays(values, channels=folder.preprocessor.channels)


def test_a_linear_model_of_other_channels_is_refused(trained, tmp_path):
    folder = trained[0].folder
    arrays = PooledModel(np.zeros(7), np.ones(7), np.zeros((1, 7)), np.zeros(1)).to_arrays()
    folder.save(tmp_path / "model")
    path = tmp_path / "model"
    contents = {
        name: (path / name).read_bytes() for name in model_folder.LAYOUT_WITH_LINEAR.most_bytes
    }
    contents["linear.safetensors"] = tensors.to_bytes(arrays)
    sealed = model_folder.LAYOUT_WITH_LINEAR.seal(contents, folder.tensors)
    for name, content in sealed.items():
        (path / name).write_bytes(content)
    with pytest.raises(FormatError, match="expected 4 numbers of the linear model, got 1"):
        model_folder.load(path)


def test_a_regression_has_it_in_the_results_alone():
    values, factors = series()
    model = Regressor(settings=SETTINGS, random_state=0, threads=1).fit(values, factors)
    assert model.model_.folder.linear is None
    assert model.model_.parts == ("all",)


def test_a_recipe_can_do_without():
    values, factors = series()
    without = SETTINGS | {"linear_model.pooled": False}
    model = Classifier(settings=without, threads=1).fit(values, factors > 1.2)
    assert model.model_.folder.linear is None
