"""Adam on the engine against torch's, and rows that catch up against the dense rule, to the bit."""

import copy
import pickle

import numpy as np
import pytest
import torch

from optim_samples import DTYPES, Schedule, bits, run
from tidegate import engine
from tidegate.optim import Adam

SIZES = [(1,), (15,), (16, 3), (7, 33), (8195,), (40_003,)]


def groups(dtype):
    """Parameters in two groups with rates of their own."""
    draws = torch.Generator().manual_seed(0)
    made = [torch.nn.Parameter(torch.randn(size, generator=draws, dtype=dtype)) for size in SIZES]
    return [{"params": made[:3], "lr": 3e-3}, {"params": made[3:], "weight_decay": 0.1}]


def dense_steps(make, dtype, num_steps=30):
    """The parameters after some steps, with rates that change; one has a gradient now and then."""
    optimizer = make(groups(dtype))
    params = [p for group in optimizer.param_groups for p in group["params"]]
    draws = torch.Generator().manual_seed(1)
    for step in range(num_steps):
        for index, param in enumerate(params):
            gradient = torch.randn(param.shape, generator=draws, dtype=dtype)
            param.grad = None if index == 1 and step % 3 else gradient * 10.0 ** -(step % 5)
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 + step % 4)
        optimizer.step()
    return [param.detach() for param in params]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dense_parameters_move_as_torchs(dtype, isa):
    options = {"lr": 1e-2, "betas": (0.85, 0.99), "eps": 1e-7, "weight_decay": 0.02}
    got = dense_steps(lambda groups: Adam(groups, **options), dtype)
    expected = dense_steps(lambda groups: torch.optim.AdamW(groups, **options), dtype)
    for mine, theirs in zip(got, expected, strict=True):
        # 30 steps of a few roundings each; the worst seen is 5 epsilon.
        bound = 12 * torch.finfo(dtype).eps * theirs.abs().clamp_min(0.1)
        assert ((mine - theirs).abs() <= bound).all()


def test_without_decay_it_is_torchs_adam():
    got, expected = (
        dense_steps(lambda groups, kind=kind: kind([g | {"weight_decay": 0} for g in groups]), t)
        for kind, t in ((Adam, torch.float64), (torch.optim.Adam, torch.float64))
    )
    for mine, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_the_number_of_threads_changes_no_bit(threads, num_threads):
    """On arrays large enough to be shared out."""

    def everything():
        dense = dense_steps(Adam, torch.float32, 3)
        table, state = run(Schedule(V=900, d=128, T=60, per_step=300), sparse=True)
        return b"".join(map(bits, (*dense, table, state["exp_avg"], state["exp_avg_sq"])))

    num_threads(1)
    wanted = everything()
    num_threads(threads)
    assert everything() == wanted


SCHEDULES = {
    "words": Schedule(V=60, d=37, T=700),
    "decay": Schedule(V=40, d=16, T=700, weight_decay=0.05),
    "steep decay": Schedule(V=20, d=5, T=300, weight_decay=60.0),
    "tiny gradients": Schedule(V=40, d=70, T=900, scale=1e-36),
    "huge gradients": Schedule(V=30, d=9, T=300, scale=1e18),
    "betas change": Schedule(V=40, d=24, T=500, betas_change=True),
    "no momentum": Schedule(V=30, d=8, T=200, betas=(0.0, 0.9)),
    "first steps": Schedule(V=30, d=12, T=6),
    "long absence": Schedule(V=300, d=65, T=2500, per_step=1, eps=1e-30),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_rows_that_catch_up_have_the_bits_of_dense_ones(schedule, dtype, isa):
    dense, dense_state = run(schedule, sparse=False, dtype=dtype)
    table, state = run(schedule, sparse=True, dtype=dtype)
    assert bits(table) == bits(dense)
    assert bits(state["exp_avg"]) == bits(dense_state["exp_avg"])
    assert bits(state["exp_avg_sq"]) == bits(dense_state["exp_avg_sq"])
    assert state["step"] == dense_state["step"] == schedule.T


def table_of(V, d, **options):
    draws = torch.Generator().manual_seed(2)
    table = torch.nn.Parameter(torch.randn(V, d, generator=draws))
    return table, Adam([table], lr=0.1, **options)


def set_rows(table, ids, value=1.0, *, is_coalesced=True):
    rows = torch.full((len(ids), table.size(1)), value)
    table.grad = torch.sparse_coo_tensor(
        torch.tensor([ids]), rows, table.shape, is_coalesced=is_coalesced, check_invariants=False
    )


def test_only_the_rows_asked_for_catch_up():
    table, optimizer = table_of(4, 3)
    set_rows(table, [0, 1, 2])
    optimizer.step()
    optimizer.catch_up(table, torch.tensor([3]))
    set_rows(table, [3])
    optimizer.step()
    behind = table.detach().clone()
    optimizer.catch_up(table, torch.tensor([2, 0, 2]))
    moved = (table.detach() != behind).any(1).tolist()
    assert moved == [True, False, True, False]


def test_how_often_rows_catch_up_changes_no_bit():
    found = set()
    for every in (1, 3, 50):
        table, optimizer = table_of(5, 20)
        for step in range(100):
            ids = torch.tensor([step % 4])
            optimizer.catch_up(table, ids)
            if step % every == 0:
                optimizer.catch_up()
            set_rows(table, ids.tolist(), 1.0 + step)
            optimizer.step()
        optimizer.catch_up(table)
        found.add(bits(table))
    assert len(found) == 1


def test_rows_that_were_not_caught_up_are_refused_and_nothing_moves():
    table, optimizer = table_of(4, 3)
    other = torch.nn.Parameter(torch.ones(5))
    optimizer.add_param_group({"params": [other]})
    set_rows(table, [0, 1])
    optimizer.step()
    set_rows(table, [1])
    optimizer.step()
    before = bits(table), bits(other), copy.deepcopy(optimizer.state[table]["step"])
    set_rows(table, [1, 0])
    other.grad = torch.ones(5)
    with pytest.raises(RuntimeError, match=r"expected row 0 at step 2, got it at step 1.*catch_up"):
        optimizer.step()
    table.grad = torch.ones_like(table)
    with pytest.raises(RuntimeError, match="expected every row caught up before a dense gradient"):
        optimizer.step()
    assert (bits(table), bits(other), optimizer.state[table]["step"]) == before
    optimizer.catch_up()
    optimizer.step()
    assert optimizer.state[table]["step"] == 3


def test_a_dense_gradient_of_a_table_counts_for_all_rows():
    table, optimizer = table_of(3, 2)
    twin, dense = table_of(3, 2)
    for gradient in (torch.tensor([[1.0, 1], [0, 0], [2, 2]]), torch.ones(3, 2), torch.zeros(3, 2)):
        optimizer.catch_up()
        twin.grad = gradient
        table.grad = gradient if gradient[0, 0] == gradient[1, 0] == 1 else gradient.to_sparse(1)
        optimizer.step()
        dense.step()
    optimizer.catch_up()
    assert bits(table) == bits(twin)


def test_rows_that_stand_twice_are_summed_or_refused():
    table, optimizer = table_of(3, 2)
    set_rows(table, [1, 1], is_coalesced=False)
    optimizer.step()
    twin, dense = table_of(3, 2)
    set_rows(twin, [1], 2.0)
    dense.step()
    assert bits(table) == bits(twin)
    set_rows(table, [1, 1])
    with pytest.raises(RuntimeError, match="expected distinct rows, got row 1 twice"):
        optimizer.step()


def test_ids_outside_the_table_are_refused():
    table, optimizer = table_of(3, 2)
    set_rows(table, [0])
    optimizer.step()
    for ids in ([3], [0, -1]):
        with pytest.raises(IndexError, match=rf"expected ids from 0 to V - 1 = 2, got {ids[-1]}"):
            optimizer.catch_up(table, torch.tensor(ids))
    with pytest.raises(TypeError, match=r"expected ids of int64.*, got torch\.int32"):
        optimizer.catch_up(table, torch.tensor([0], dtype=torch.int32))
    with pytest.raises(TypeError, match="expected a table beside ids"):
        optimizer.catch_up(ids=torch.tensor([0]))


def test_the_state_goes_round_by_its_dictionary():
    schedule = Schedule(V=30, d=11, T=80)
    whole, state = run(schedule, sparse=True)
    again, state_again = run(schedule, sparse=True, reload_at=41)
    assert bits(again) == bits(whole)
    assert bits(state_again["exp_avg_sq"]) == bits(state["exp_avg_sq"])


def test_the_state_is_tensors_and_numbers():
    table, optimizer = table_of(3, 2)
    set_rows(table, [0, 2])
    optimizer.step()
    with pytest.raises(RuntimeError, match=r"tables caught up for state_dict.*catch_up\(\)"):
        optimizer.state_dict()
    optimizer.catch_up()
    found = optimizer.state_dict()
    assert {type(value) for value in found["state"][0].values()} == {int, torch.Tensor}


def test_torchs_state_is_read():
    param = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    theirs = torch.optim.Adam([param], lr=0.1)
    param.grad = torch.tensor([0.5, -0.1])
    theirs.step()
    twin = torch.nn.Parameter(param.detach().clone())
    mine = Adam([twin])
    mine.load_state_dict(copy.deepcopy(theirs.state_dict()))
    twin.grad = param.grad = torch.tensor([0.2, 3.0])
    theirs.step()
    mine.step()
    assert mine.param_groups[0]["lr"] == 0.1
    torch.testing.assert_close(twin, param, rtol=3e-7, atol=0)


@pytest.mark.parametrize("option", ["amsgrad", "maximize"])
def test_variants_of_torchs_adam_are_refused_and_nothing_changes(option):
    """Their states would otherwise be read as plain Adam's."""
    theirs = torch.optim.AdamW(groups(torch.float32), **{option: True})
    mine = Adam(groups(torch.float32), lr=0.25)
    before = mine.state_dict()
    with pytest.raises(ValueError, match=f"Adam.load_state_dict: expected {option} of False"):
        mine.load_state_dict(theirs.state_dict())
    assert mine.state_dict() == before
    with pytest.raises(ValueError, match=f"Adam: expected {option} of False.*; go on with torch"):
        mine.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))], option: True})
    assert len(mine.param_groups) == 2


def test_copies_begin_where_the_original_is():
    table, optimizer = table_of(3, 2)
    set_rows(table, [0, 2])
    optimizer.step()
    with pytest.raises(RuntimeError, match="caught up for pickle and copy"):
        copy.copy(optimizer)
    optimizer.catch_up()
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        (twin,) = other.param_groups[0]["params"]
        set_rows(twin, [0])
        other.step()
        other.catch_up()
        assert other.state[twin]["step"] == 2
        assert (twin[1] == table[1]).all()
        assert (twin[2] != table[2]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1.0}, "expected lr of at least 0 and finite, got -1.0"),
        ({"lr": float("nan")}, "expected lr of at least 0 and finite, got nan"),
        ({"weight_decay": -0.1}, "expected weight_decay of at least 0"),
        ({"eps": 0.0}, "expected eps of at least 1e-37"),
        ({"betas": (0.9, 1.0)}, r"expected betas of two numbers from 0 to below 1, got \(0.9, 1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    param = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError, match=message):
        Adam([param], **options)
    optimizer = Adam([param])
    optimizer.param_groups[0].update(options)
    param.grad = torch.ones(2)
    with pytest.raises(ValueError, match=message):
        optimizer.step()
    assert param.tolist() == [1, 1]


def test_parameters_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"parameters of float32 or float64.*torch\.float16"):
        Adam([torch.nn.Parameter(torch.ones(2, dtype=torch.float16))])
    with pytest.raises(RuntimeError, match="have memory of their own, got strides"):
        Adam([torch.nn.Parameter(torch.ones(2, 1).expand(2, 3))])
    table = torch.nn.Parameter(torch.ones(2, 3))
    table.grad = torch.ones(2, 3).to_sparse(2)
    with pytest.raises(ValueError, match=r"sparse gradient of rows \(sparse_dim = 1\)"):
        Adam([table]).step()


def test_autograd_sees_that_parameters_moved():
    """A backward through values that are gone must be an error, as with torch's optimisers."""
    table, optimizer = table_of(3, 2)
    for move in (optimizer.step, optimizer.catch_up):
        set_rows(table, [0])
        loss = table.square().sum()
        move()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_the_closures_loss_comes_back():
    param = torch.nn.Parameter(torch.ones(2))
    optimizer = Adam([param], lr=0.1)

    def closure():
        loss = param.sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 2
    np.testing.assert_allclose(param.detach().numpy(), 0.9, rtol=1e-6)


@pytest.fixture
def num_threads():
    before = engine.num_threads()
    yield engine.set_num_threads
    engine.set_num_threads(before)


def test_zero_grad_as_torchs():
    """None, or zeros in the tensor that was there."""
    param = torch.nn.Parameter(torch.ones(3))
    optimizer = Adam([param])
    param.grad = given = torch.ones(3)
    optimizer.zero_grad(set_to_none=False)
    assert param.grad is given
    assert not given.any()
    optimizer.zero_grad()
    assert param.grad is None
