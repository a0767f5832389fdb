"""The norm of all gradients together, and clipping by it, against torch's."""

import pytest
import torch

from optim_samples import DTYPES, bits
from tidegate import engine
from tidegate.optim import clip_grad_norm_

SIZES = [(1,), (7, 33), (100, 128), (40_003,)]


def parameters(dtype, scale=1.0):
    draws = torch.Generator().manual_seed(0)
    made = [torch.nn.Parameter(torch.zeros(size, dtype=dtype)) for size in SIZES]
    for param in made:
        param.grad = torch.randn(param.shape, generator=draws, dtype=dtype) * scale
    return [*made, torch.nn.Parameter(torch.zeros(3))]  # the last without a gradient


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("max_norm", [0.5, 1e4], ids=["clipped", "below"])
def test_it_clips_as_torchs(dtype, max_norm, isa):
    mine, theirs = parameters(dtype), parameters(dtype)
    norm = clip_grad_norm_(mine, max_norm)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm)
    tolerance = 20 * torch.finfo(dtype).eps
    torch.testing.assert_close(norm, expected.double(), rtol=tolerance, atol=0)
    for a, b in zip(mine[:-1], theirs, strict=False):
        torch.testing.assert_close(a.grad, b.grad, rtol=tolerance, atol=0)
    assert mine[-1].grad is None


def test_rows_count_as_what_they_sum_up_to():
    table = torch.nn.Parameter(torch.zeros(5, 2))
    rows = torch.tensor([[3.0, 0], [1, 2], [0, 2]])
    table.grad = torch.sparse_coo_tensor(
        torch.tensor([[4, 1, 4]]), rows.clone(), table.shape, check_invariants=True
    )
    dense = table.grad.to_dense()
    norm = clip_grad_norm_(table, 1.0)
    assert norm.item() == pytest.approx(dense.norm().item(), rel=1e-7)
    torch.testing.assert_close(table.grad.to_dense(), dense / (dense.norm() + 1e-6))
    assert table.grad._indices().tolist() == [[4, 1, 4]]
    torch.testing.assert_close(table.grad._values(), rows / (dense.norm() + 1e-6))


def test_a_gradient_that_shares_its_elements_is_clipped_once():
    param = torch.nn.Parameter(torch.zeros(3, 4))
    param.grad = torch.ones(1, 1).expand(3, 4)
    clip_grad_norm_([param], 1.0)
    torch.testing.assert_close(param.grad, torch.full((3, 4), 12**-0.5))


def test_squares_do_not_overflow():
    param = torch.nn.Parameter(torch.zeros(2))
    param.grad = torch.tensor([3e30, 4e30])
    assert clip_grad_norm_([param], 5.0).item() == pytest.approx(5e30, rel=1e-6)
    torch.testing.assert_close(param.grad, torch.tensor([3.0, 4.0]))


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_is_not_finite_shows_as_with_torchs(value):
    found = []
    for clip in (clip_grad_norm_, torch.nn.utils.clip_grad_norm_):
        param = torch.nn.Parameter(torch.zeros(2))
        param.grad = torch.tensor([value, 1.0])
        norm = clip([param], 1.0)
        found.append((norm.double(), param.grad))
    torch.testing.assert_close(*found, equal_nan=True)


def test_without_gradients_the_norm_is_0():
    assert clip_grad_norm_([torch.nn.Parameter(torch.ones(2))], 1.0).item() == 0


def test_what_cannot_be_clipped_is_refused():
    param = torch.nn.Parameter(torch.zeros(2, dtype=torch.float16))
    param.grad = torch.ones(2, dtype=torch.float16)
    with pytest.raises(ValueError, match="expected gradients of float32 or float64"):
        clip_grad_norm_([param], 1.0)
    with pytest.raises(ValueError, match="expected max_norm of at least 0, got -1"):
        clip_grad_norm_([param], -1)


def test_the_number_of_threads_changes_no_bit():
    before = engine.num_threads()
    found = set()
    try:
        for threads in (1, 2, 3, 7):
            engine.set_num_threads(threads)
            mine = parameters(torch.float32)
            norm = clip_grad_norm_(mine, 1.0)
            found.add((bits(norm), *(bits(param.grad) for param in mine[:-1])))
    finally:
        engine.set_num_threads(before)
    assert len(found) == 1
