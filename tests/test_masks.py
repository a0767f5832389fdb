"""Masks of dropout: the same with the engine and without it, and what they expect."""

import pytest
import torch

from tidegate.model import masks
from tidegate.model.masks import Masks

SHAPES = [(0,), (3, 0), (1,), (5, 7), (16,), (3, 2, 11), (130, 67)]


@pytest.mark.parametrize("share", [0.0, 1e-9, 0.25, 1 / 3, 0.5, 0.999, 1 - 1e-9])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_numpy_draws_the_masks_that_the_engine_draws(shape, share, monkeypatch):
    found = Masks(3, 11, "again ").keep("head", share, *shape)
    assert masks.HAS_ENGINE
    monkeypatch.setattr(masks, "HAS_ENGINE", False)
    expected = Masks(3, 11, "again ").keep("head", share, *shape)
    assert found.dtype is expected.dtype is torch.float32
    assert found.shape == expected.shape == shape
    assert torch.equal(found, expected)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_share_is_zero_and_the_mean_is_one(share):
    mask = Masks(0, 0).keep("words", share, 1000, 200)
    # Five standard deviations of 200,000 draws.
    assert abs((mask == 0).double().mean() - share) < 5 * (share * (1 - share) / 2e5) ** 0.5
    assert mask.unique().tolist() == pytest.approx([0, 1 / (1 - share)], rel=1e-4)


def test_a_mask_is_a_function_of_seed_step_purpose_and_series():
    def bits(seed=0, step=0, series="", purpose="head"):
        return Masks(seed, step, series).keep(purpose, 0.5, 64).tolist()

    assert bits() == bits()
    others = [bits(seed=1), bits(step=1), bits(series="again "), bits(purpose="words")]
    assert all(other != bits() for other in others)
