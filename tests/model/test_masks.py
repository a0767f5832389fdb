"""The draws of dropout: how many zeros, what the others become, and what they depend on."""

import numpy as np
import pytest
import torch

from tidegate.model import masks as module
from tidegate.model.masks import Masks


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.9])
def test_a_share_is_zero_and_the_rest_makes_up_for_it(share):
    count = 200_000
    mask = Masks(0, 3).keep("words", share, count)
    assert mask.dtype == torch.float32
    # Five standard deviations of a count of zeros.
    spread = 5 * (share * (1 - share) / count) ** 0.5
    assert (mask == 0).double().mean().item() == pytest.approx(share, abs=spread)
    assert mask.double().mean().item() == pytest.approx(1, abs=spread / (1 - share) + 1e-4)
    (scale,) = mask[mask > 0].unique().tolist()
    assert scale == pytest.approx(1 / (1 - share), rel=2e-4)  # shares are of 1 / 65,536


def test_zeros_are_spread_over_rows_and_columns():
    mask = Masks(1, 0).keep("places", 0.25, 400, 300)
    zeros = (mask == 0).double()
    for dim in (0, 1):
        means = zeros.mean(dim)
        expected = (0.25 * 0.75 / zeros.size(dim)) ** 0.5
        assert means.std().item() == pytest.approx(expected, rel=0.2)
    # Neighbours know nothing of each other.
    for a, b in ((zeros[1:], zeros[:-1]), (zeros[:, 1:], zeros[:, :-1])):
        assert (a * b).mean().item() == pytest.approx(0.25**2, abs=3e-3)


def test_a_mask_depends_on_seed_step_series_and_purpose_alone():
    def drawn(seed=4, step=7, series="", purpose="head"):
        return Masks(seed, step, series).keep(purpose, 0.5, 20, 30)

    first = drawn()
    # Nothing that was drawn before it, by whomever, has a say.
    masks = Masks(4, 7)
    masks.keep("words", 0.5, 99)
    np.random.default_rng(4).random(5)
    torch.manual_seed(1)
    assert torch.equal(masks.keep("head", 0.5, 20, 30), first)
    assert torch.equal(masks.keep("head", 0.5, 20, 30), first)
    others = [drawn(seed=5), drawn(step=8), drawn(series="again "), drawn(purpose="words")]
    for other in others:
        assert (other == first).double().mean().item() == pytest.approx(0.5, abs=0.1)
    assert len({mask.numpy().tobytes() for mask in [first, *others]}) == 5


def test_the_masks_never_change():
    """A run that is resumed by another version must go on with the same draws."""
    mask = Masks(7, 1000).keep("layer 0 features", 0.5, 2, 8)
    expected = [[0, 2, 2, 2, 2, 2, 0, 2], [2, 2, 0, 0, 0, 0, 0, 0]]
    assert mask.tolist() == expected
    assert Masks(7, 1000).apply(torch.ones(2, 8), "layer 0 features", 0.5).tolist() == expected


def test_a_share_of_nearly_all_is_taken():
    mask = Masks(0, 0).keep("words", 0.999999, 1_000_000)
    assert (mask == 0).double().mean() > 0.9999
    assert torch.isfinite(mask).all()


def test_without_a_share_nothing_is_drawn(monkeypatch):
    monkeypatch.setattr(Masks, "keep", lambda *arguments: pytest.fail("nothing is to be drawn"))
    values = torch.ones(3)
    assert Masks(0, 0).apply(values, "head", 0.0) is values


@pytest.mark.parametrize("share", [0.0, 1e-9, 0.25, 1 / 3, 0.5, 0.999, 1 - 1e-9])
@pytest.mark.parametrize("shape", [(0,), (3, 0), (1,), (5, 7), (3, 2, 11), (130, 67)], ids=str)
def test_numpy_draws_the_masks_that_the_engine_draws(shape, share, monkeypatch):
    found = Masks(3, 11, "again ").keep("head", share, *shape)
    assert module.HAS_ENGINE
    monkeypatch.setattr(module, "HAS_ENGINE", False)
    expected = Masks(3, 11, "again ").keep("head", share, *shape)
    assert found.dtype is expected.dtype is torch.float32
    assert found.shape == expected.shape == shape
    assert torch.equal(found, expected)
