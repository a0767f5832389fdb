"""Keras' Adam where a table's row may have several gradients in a step."""

import numpy as np
import pytest
import torch

from optim_samples import DTYPES, bits
from tidegate import engine
from tidegate.optim import Adam, KerasAdam

V, D = 40, 21
OPTIONS = {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-5}


def gradients(num_steps, dtype, num_places=50):
    """Ids, some more than once and most of them not in every step, and a row for each."""
    draws = np.random.default_rng(5)
    for step in range(num_steps):
        ids = draws.zipf(1.3, num_places) % (V if step % 4 == 0 else 9)
        rows = draws.normal(size=(num_places, D)) * 10.0 ** -(step % 5)
        yield torch.from_numpy(ids), torch.from_numpy(rows).to(dtype)


def table(dtype=torch.float64):
    draws = torch.Generator().manual_seed(1)
    return torch.nn.Parameter(torch.randn(V, D, generator=draws, dtype=dtype))


def move(optimizer, param, ids, rows):
    optimizer.catch_up(param, ids)
    param.grad = torch.sparse_coo_tensor(
        ids[None], rows, param.shape, is_coalesced=False, check_invariants=False
    )
    optimizer.step()


def test_first_moment_follows_the_sum_and_second_the_sum_of_squares(isa):
    """Also where a row is behind for some steps: Keras moves all rows in every step."""
    param = table()
    wanted = param.detach().numpy().copy()
    m, v = np.zeros((2, V, D))
    optimizer = KerasAdam([param], **OPTIONS)
    (beta1, beta2), lr, eps = OPTIONS["betas"], OPTIONS["lr"], OPTIONS["eps"]
    for t, (ids, rows) in enumerate(gradients(60, torch.float64), 1):
        move(optimizer, param, ids, rows)
        sums, squares = np.zeros((2, V, D))
        np.add.at(sums, ids.numpy(), rows.numpy())
        np.add.at(squares, ids.numpy(), rows.numpy() ** 2)
        m = beta1 * m + (1 - beta1) * sums
        v = beta2 * v + (1 - beta2) * squares
        rate = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
        wanted -= rate * m / (np.sqrt(v) + eps)
    optimizer.catch_up()
    np.testing.assert_allclose(param.detach().numpy(), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_rows_that_do_not_repeat_move_as_adams(dtype, isa):
    """Whose epsilon is told anew in every step."""
    mine, theirs = table(dtype), table(dtype)
    keras, adam = KerasAdam([mine], **OPTIONS), Adam([theirs], **OPTIONS)
    for t, (ids, rows) in enumerate(gradients(40, dtype), 1):
        ids = torch.unique(ids)
        rows = rows[: len(ids)]
        adam.param_groups[0]["eps"] = OPTIONS["eps"] * (1 / np.sqrt(1 - OPTIONS["betas"][1] ** t))
        for optimizer, param in ((keras, mine), (adam, theirs)):
            move(optimizer, param, ids, rows)
    for optimizer in (keras, adam):
        optimizer.catch_up()
    assert bits(mine) == bits(theirs)


def test_the_number_of_threads_changes_no_bit():
    before = engine.num_threads()
    found = set()
    try:
        for threads in (1, 2, 3, 7):
            engine.set_num_threads(threads)
            param = table(torch.float32)
            optimizer = KerasAdam([param], **OPTIONS)
            for ids, rows in gradients(1, torch.float32, num_places=3000):
                assert len(ids.unique()) == V
                move(optimizer, param, ids, rows)
            found.add(bits(param))
    finally:
        engine.set_num_threads(before)
    assert len(found) == 1


def test_the_state_goes_round_by_its_dictionary():
    steps = list(gradients(12, torch.float64))
    found = []
    for reloads in (False, True):
        param = table()
        optimizer = KerasAdam([param], **OPTIONS)
        for number, (ids, rows) in enumerate(steps):
            move(optimizer, param, ids, rows)
            if reloads and number == 5:
                optimizer.catch_up()
                kept = optimizer.state_dict()
                optimizer = KerasAdam([param])
                optimizer.load_state_dict(kept)
        optimizer.catch_up()
        found.append(bits(param))
    assert found[0] == found[1]


def test_a_dense_gradient_counts_as_one_place():
    param, twin = table(), table()
    by_rows, whole = KerasAdam([param], **OPTIONS), KerasAdam([twin], **OPTIONS)
    draws = torch.Generator().manual_seed(2)
    for step in range(4):
        rows = torch.randn(V, D, generator=draws, dtype=torch.float64)
        twin.grad = rows
        whole.step()
        if step == 2:
            by_rows.catch_up()
            param.grad = rows.clone()
            by_rows.step()
        else:
            move(by_rows, param, torch.arange(V), rows)
    assert bits(param) == bits(twin)


def test_epsilon_is_keras_own():
    assert KerasAdam([table()]).defaults["eps"] == 1e-7


def test_rows_that_are_behind_or_outside_are_refused_and_nothing_moves():
    param = table()
    optimizer = KerasAdam([param], **OPTIONS)
    for ids in ([0, 1, 0], [1, 1]):
        move(optimizer, param, torch.tensor(ids), torch.ones(len(ids), D, dtype=torch.float64))
    before = bits(param)
    for ids, error, message in (
        ([1, 1, 0], RuntimeError, "expected row 0 at step 2, got it at step 1"),
        ([1, 1, V], IndexError, f"expected ids from 0 to V - 1 = {V - 1}, got {V}"),
    ):
        param.grad = torch.sparse_coo_tensor(
            torch.tensor([ids]),
            torch.ones(3, D, dtype=torch.float64),
            (V, D),
            check_invariants=False,
        )
        with pytest.raises(error, match=message):
            optimizer.step()
    assert bits(param) == before
    optimizer.catch_up()
    move(optimizer, param, torch.tensor([1, 0]), torch.ones(2, D, dtype=torch.float64))
    assert optimizer.state[param]["step"] == 3
