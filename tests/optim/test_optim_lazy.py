"""The lazy rule of Adam: rows of a table wait with their moments where they do not occur."""

import numpy as np
import pytest
import torch

from optim_samples import DTYPES, bits
from tidegate.optim import Adam

V, d, PER_STEP, T = 9, 4, 3, 40
NEVER = V - 1


def gradient(step, dtype):
    """Distinct ids, int64 (K,), of which the last never is one, and their gradients, (K, d)."""
    draws = np.random.default_rng([3, step])
    ids = np.sort(draws.choice(NEVER, PER_STEP, replace=False))
    return torch.from_numpy(ids), torch.from_numpy(draws.normal(size=(PER_STEP, d))).to(dtype)


def start(dtype=torch.float64):
    values = torch.randn(V, d, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return torch.nn.Parameter(values.to(dtype))


def step(table, optimiser, number, dtype=torch.float64):
    ids, rows = gradient(number, dtype)
    table.grad = torch.sparse_coo_tensor(
        ids[None], rows, table.shape, is_coalesced=True, check_invariants=False
    )
    optimiser.step()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_it_is_torchs_sparse_adam(dtype):
    ours, theirs = start(dtype), start(dtype)
    # SparseAdam adds eps before it corrects the bias: with hardly any, that is no difference.
    lazy = Adam([ours], lr=0.05, eps=1e-20, lazy=True)
    sparse = torch.optim.SparseAdam([theirs], lr=0.05, eps=1e-20)
    for number in range(T):
        lazy.catch_up(ours, gradient(number, dtype)[0])
        step(ours, lazy, number, dtype)
        step(theirs, sparse, number, dtype)
    lazy.catch_up()
    rtol = 1e-9 if dtype is torch.float64 else 2e-5
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol / 1e3)
    assert torch.equal(ours[NEVER], start(dtype)[NEVER])


def test_rows_move_and_decay_in_their_own_steps_alone():
    """By the docstring's equations, with eps as Kingma and Ba have it and decoupled decay."""
    table, lr, eps, decay = start(), 0.05, 1e-2, 0.1
    optimiser = Adam([table], lr=lr, eps=eps, weight_decay=decay, lazy=True)
    expected = start().detach().numpy()
    m, v = np.zeros((V, d)), np.zeros((V, d))
    for number in range(T):
        ids, rows = gradient(number, torch.float64)
        optimiser.catch_up(table, ids)
        step(table, optimiser, number)
        ids, rows = ids.numpy(), rows.numpy()
        m[ids] = 0.9 * m[ids] + 0.1 * rows
        v[ids] = 0.999 * v[ids] + 0.001 * rows**2
        t = number + 1
        moved = m[ids] / (1 - 0.9**t) / (np.sqrt(v[ids] / (1 - 0.999**t)) + eps)
        expected[ids] = expected[ids] * (1 - lr * decay) - lr * moved
        # What the others have does not change, caught up or not.
        np.testing.assert_allclose(table.detach().numpy(), expected, rtol=1e-11)
    optimiser.catch_up()
    np.testing.assert_allclose(table.detach().numpy(), expected, rtol=1e-11)


def test_ids_may_be_caught_up_in_parts():
    ours, theirs = start(), start()
    whole, parts = (Adam([table], lr=0.05, lazy=True) for table in (ours, theirs))
    for number in range(T):
        ids, _ = gradient(number, torch.float64)
        whole.catch_up(ours, ids)
        for part in (ids[:1], ids[1:], ids[:0]):
            parts.catch_up(theirs, part)
        step(ours, whole, number)
        step(theirs, parts, number)
    assert bits(ours) == bits(theirs)


def test_ids_that_were_not_caught_up_are_refused():
    table = start()
    optimiser = Adam([table], lr=0.05, lazy=True)
    step(table, optimiser, 0)
    first, ids = (gradient(number, torch.float64)[0] for number in (0, 1))
    behind = next(id for id in ids.tolist() if id not in first)
    optimiser.catch_up(table, ids[ids != behind])
    before = bits(table)
    with pytest.raises(RuntimeError, match=f"expected row {behind} at step 1, got it at step 0"):
        step(table, optimiser, 1)
    assert bits(table) == before


def test_it_goes_on_from_its_state_to_the_same_bits():
    found = []
    for reload_at in (None, 7, 23):
        table = start()
        optimiser = Adam([table], lr=0.05, weight_decay=0.1, lazy=True)
        for number in range(T):
            optimiser.catch_up(table, gradient(number, torch.float64)[0])
            step(table, optimiser, number)
            if number == reload_at:
                optimiser.catch_up()
                kept = optimiser.state_dict()
                optimiser = Adam([table], lr=0.05)  # which rule it is, is part of the state
                optimiser.load_state_dict(kept)
        state = optimiser.state[table]
        found.append([bits(table), bits(state["exp_avg"]), bits(state["exp_avg_sq"])])
    assert found[0] == found[1] == found[2]
