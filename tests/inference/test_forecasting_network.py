"""Forecasts of the network on NumPy against those of PyTorch, and against a plain formula."""

import numpy as np
import pytest
import torch

from tidegate.cells import CELLS
from tidegate.data.prepared_forecast import ForecastDataset, prepare_forecast
from tidegate.data.preprocessing.forecast import BASE, UNIT, VALUES, ForecastOptions
from tidegate.data.series.series_set import SeriesSet
from tidegate.inference.architecture import Architecture
from tidegate.inference.network import Network, forecast
from tidegate.model.classifier import SequenceClassifier
from tidegate.model.inputs import Inputs

HORIZON, LEVELS = 4, (0.1, 0.5, 0.9)


def arrays_of(scaling="standard"):
    """Windows of unequal lengths of two series with two channels."""
    draw = np.random.default_rng(2)
    series = SeriesSet.from_arrays([draw.normal(size=(count, 2)).cumsum(0) for count in (60, 45)])
    options = ForecastOptions(HORIZON, window=9, season_length=3, scaling=scaling)
    dataset = ForecastDataset("walks", "a test", series, HORIZON, 3, num_origins=2)
    data = prepare_forecast(dataset, options, LEVELS)
    rows = np.array([0, 30, 3, 12])
    return data, data.train.batch(rows)[0]


def model_of(data, **options):
    model = SequenceClassifier(
        kind="forecast",
        **{"cell": "gru"} | options,
        vocabulary_size=0,
        embedding_dim=0,
        input_size=data.preprocessor.input_size,
        hidden_size=5,
        pooling="horizon",
        horizon=HORIZON,
        quantiles=LEVELS,
        num_outputs=data.task.num_outputs,
    )
    draws = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.5, generator=draws)
    return model.eval()


def network_of(model):
    tensors = model.state_dict()
    names = model.architecture.shapes()
    return Network(model.architecture, {name: tensors[name].numpy() for name in names})


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("scaling", ["standard", "instance"])
def test_numpy_and_pytorch_forecast_the_same(cell, scaling):
    data, arrays = arrays_of(scaling)
    model = model_of(data, cell=cell, num_layers=2)
    with torch.no_grad():
        expected = model(Inputs.of_arrays(arrays)).numpy()
    found = network_of(model).outputs(arrays)
    assert found.shape == (4, HORIZON * 2 * len(LEVELS))
    # float32; the worst seen over all cases is 2e-6.
    assert found == pytest.approx(expected, rel=0, abs=1e-5)


def test_a_forecast_does_not_depend_on_its_companions():
    data, arrays = arrays_of()
    network = network_of(model_of(data))
    together = network.outputs(arrays)
    for row in range(4):
        alone = {name: array.take(np.array([row])) for name, array in arrays.items()}
        assert (network.outputs(alone)[0] == together[row]).all()


def test_without_differences_the_forecast_is_seasonal_naive():
    data, arrays = arrays_of()
    model = model_of(data)
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.zero_()
    found = network_of(model).outputs(arrays).reshape(4, HORIZON, 2, len(LEVELS))
    base = arrays[BASE].values.reshape(4, HORIZON, 2, 1)
    assert (found == base).all()


def test_differences_are_added_in_the_windows_units():
    # One window, two steps ahead of two channels, one quantile.
    found = forecast(
        np.array([[1.0, 2, 3, 4]]), np.array([[10.0, 100], [20, 200]]), np.array([[0.5, 5]])
    )
    assert found.tolist() == [[10.5, 110, 21.5, 220]]


def test_a_step_ahead_answers_from_its_own_state():
    """Later steps of the horizon are not read by earlier ones."""
    data, arrays = arrays_of()
    network = network_of(model_of(data))
    before = network.outputs(arrays).reshape(4, HORIZON, -1)
    values = arrays[VALUES]
    values.values[values.offsets[1:] - 1] += 1.0
    after = network.outputs(arrays).reshape(4, HORIZON, -1)
    assert (before[:, :-1] == after[:, :-1]).all()
    assert (before[:, -1] != after[:, -1]).all()
    assert len(arrays[UNIT]) == 4


@pytest.mark.parametrize(
    ("pooling", "horizon", "num_outputs"),
    [("horizon", 0, 4), ("last", 2, 4), ("horizon", 3, 4)],
    ids=["no horizon", "no pooling for it", "unequal steps"],
)
def test_a_horizon_that_does_not_fit_is_refused(pooling, horizon, num_outputs):
    with pytest.raises(ValueError, match="expected a horizon with the pooling 'horizon' alone"):
        Architecture(
            "gru",
            vocabulary_size=0,
            embedding_dim=0,
            input_size=3,
            hidden_size=5,
            pooling=pooling,
            num_outputs=num_outputs,
            horizon=horizon,
        )
