"""The noise on numbers in training: its size, where it comes from, and that answers have none."""

import numpy as np
import pytest
import torch

from tidegate.model.classifier import SequenceClassifier
from tidegate.model.inputs import Inputs
from tidegate.model.masks import Masks

LENGTHS = (900, 1, 0, 2_000, 700)


def make(**noise):
    model = SequenceClassifier("gru", input_size=3, hidden_size=4, noise=noise)
    draws = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.7, generator=draws)
    return model


def inputs(fill=None):
    offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(LENGTHS)]))
    shape = (sum(LENGTHS), 3)
    draws = torch.Generator().manual_seed(3)
    features = torch.randn(shape, generator=draws) if fill is None else torch.full(shape, fill)
    return Inputs(offsets, features=features)


@pytest.mark.parametrize("size", [0.1, 0.5])
def test_every_number_has_normal_noise_of_its_own(size):
    given = inputs()
    added = (make(values=size).embed(given, Masks(0, 1)) - given.features).numpy()
    assert added.std() == pytest.approx(size, rel=0.03)
    assert added.mean() == pytest.approx(0, abs=0.03 * size)
    assert np.abs(np.corrcoef(added.T) - np.eye(3)).max() < 0.06
    assert abs(np.corrcoef(added[1:, 0], added[:-1, 0])[0, 1]) < 0.06


def test_a_series_and_channel_has_one_factor():
    found = make(scale=0.3).embed(inputs(2.0), Masks(0, 1)).detach().numpy()
    rows = np.split(found, np.cumsum(LENGTHS)[:-1])
    factors = np.array([row[0] for row in rows if len(row)])
    for row, factor in zip([row for row in rows if len(row)], factors, strict=True):
        np.testing.assert_array_equal(row, np.broadcast_to(factor, row.shape))
    assert len(np.unique(factors)) == factors.size
    drawn = [
        make(scale=0.3).embed(inputs(2.0), Masks(seed, 1)).detach().numpy()[[0, 900]]
        for seed in range(300)
    ]
    assert np.mean(drawn) == pytest.approx(2, abs=0.05)
    assert np.std(drawn) == pytest.approx(0.6, rel=0.06)


def test_it_depends_on_seed_and_step_alone():
    model, given = make(values=0.2, scale=0.2), inputs()
    first = model(given, Masks(4, 7))
    torch.manual_seed(9)
    assert torch.equal(model(given, Masks(4, 7)), first)
    assert not torch.equal(model(given, Masks(4, 8)), first)
    assert not torch.equal(model(given, Masks(5, 7)), first)


def test_answers_have_none():
    given = inputs()
    noisy, plain = make(values=0.5, scale=0.5), make()
    assert torch.equal(noisy(given), plain(given))
    assert torch.equal(noisy.embed(given), given.features)
    assert not torch.equal(noisy(given, Masks(0, 1)), plain(given, Masks(0, 1)))
    assert torch.equal(plain(given, Masks(0, 1)), plain(given))
