"""Gradients and moments that no longer fit their parameter: right as torch's, or refused."""

import copy

import pytest
import torch

from optim_samples import bits
from tidegate.optim import Adam, KerasAdam, clip_grad_norm_

KINDS = [Adam, KerasAdam]


def params_of(*shapes, dtype=torch.float32):
    draws = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=draws).to(dtype)) for shape in shapes]


def set_dense(*params):
    draws = torch.Generator().manual_seed(1)
    for param in params:
        param.grad = torch.randn(param.shape, generator=draws).to(param.dtype)


def set_rows(table, *ids):
    rows = torch.ones(len(ids), *table.shape[1:], dtype=table.dtype)
    table.grad = torch.sparse_coo_tensor(
        torch.tensor([ids]), rows, table.shape, check_invariants=False
    )


def stepped(kind, *shapes):
    """Parameters after a step, and their optimiser."""
    params = params_of(*shapes)
    optimiser = kind(params, lr=0.1)
    set_dense(*params)
    optimiser.step()
    return params, optimiser


@pytest.mark.parametrize("kind", [torch.optim.Adam, *KINDS])
@pytest.mark.parametrize(
    "shape", [(3,), (5000, 3), (4, 2), (2, 6)], ids=["narrow", "long", "less", "turned"]
)
def test_a_state_of_other_shapes_is_refused(kind, shape):
    _, given = stepped(kind, shape)
    params, optimiser = stepped(kind, (4, 3))
    optimiser.load_state_dict(copy.deepcopy(given.state_dict()))
    before = bits(params[0])
    with pytest.raises(RuntimeError):
        optimiser.step()
    assert bits(params[0]) == before


@pytest.mark.parametrize("kind", KINDS)
def test_the_refusal_says_both_shapes_and_nothing_moves(kind):
    _, given = stepped(kind, (6,), (2, 3))
    params, optimiser = stepped(kind, (5,), (6,), (3, 2))
    kept = given.state_dict()["state"][1]
    optimiser.state[params[2]].update(copy.deepcopy(kept))
    before = [bits(param) for param in params]
    message = rf"{kind.__name__}.step: expected exp_avg of its parameter's shape \(3, 2\).*\(2, 3\)"
    with pytest.raises(RuntimeError, match=message):
        optimiser.step()
    assert [bits(param) for param in params] == before
    assert [optimiser.state[param]["step"] for param in params[:2]] == [1, 1]


@pytest.mark.parametrize("change", ["double", "half"])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
def test_a_model_of_another_dtype_is_refused(change, is_sparse):
    model = torch.nn.Embedding(5, 3, sparse=is_sparse)
    optimiser = Adam(model.parameters())
    for _ in range(2):
        model(torch.tensor([1, 2])).sum().backward()
        optimiser.step()
        optimiser.catch_up()
        optimiser.zero_grad()
    getattr(model, change)()
    model(torch.tensor([1, 2])).sum().backward()
    before = bits(model.weight)
    with pytest.raises((RuntimeError, ValueError), match="Adam.step: expected .*float(64|16)"):
        optimiser.step()
    assert bits(model.weight) == before


def grow(optimiser, table, num_rows):
    """Rows of zeros at the table's end, and in its moments."""
    more, state = torch.zeros(num_rows, *table.shape[1:]), optimiser.state[table]
    table.data = torch.cat([table.data, more])
    for name in ("exp_avg", "exp_avg_sq"):
        state[name] = torch.cat([state[name], more])


@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
def test_an_embedding_that_grew_alone_is_refused(is_sparse):
    (table,), optimiser = stepped(Adam, (4, 3))
    set_rows(table, 1)
    optimiser.step()
    optimiser.catch_up()
    table.data = torch.cat([table.data, torch.ones(5000, 3)])
    if is_sparse:
        set_rows(table, 3000)
    else:
        set_dense(table)
    with pytest.raises(RuntimeError, match=r"exp_avg of its parameter's shape \(5004, 3\).*\(4, 3"):
        optimiser.step()


def test_rows_catch_up_before_an_embedding_grows():
    (table,), optimiser = stepped(Adam, (4, 3))
    set_rows(table, 1)
    optimiser.step()
    grow(optimiser, table, 5000)
    for ids in (None, torch.tensor([4000])):
        with pytest.raises(RuntimeError, match=r"a table of 4 rows.*, got 5004; call catch_up\(\)"):
            optimiser.catch_up(table, ids)
    set_rows(table, 4000)
    with pytest.raises(RuntimeError, match="a table of 4 rows"):
        optimiser.step()


def test_an_embedding_that_grew_with_its_moments_goes_on():
    found = []
    for is_sparse in (True, False):
        (table,), optimiser = stepped(Adam, (4, 3))
        for ids in ([1, 2], [5], [6, 0]):
            if ids == [5]:
                grow(optimiser, table, 3)
            set_rows(table, *ids)
            if not is_sparse:
                table.grad = table.grad.to_dense()
            optimiser.step()
            optimiser.catch_up()
        found.append(bits(table))
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", KINDS)
def test_moments_that_were_replaced_count(kind):
    """Those of a table as well, which remembers where it is."""
    (table,), optimiser = stepped(kind, (4, 3))
    for _ in range(2):
        set_rows(table, 0, 1, 2, 3)
        optimiser.step()
        optimiser.catch_up()
        old = optimiser.state[table]["exp_avg"]
        optimiser.state[table]["exp_avg"] = torch.zeros(4, 3)
    assert (optimiser.state[table]["exp_avg"] == 0).all()
    set_rows(table, 0)
    optimiser.step()
    assert (optimiser.state[table]["exp_avg"][0] != 0).all()
    assert (old != 0).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ["parameters", "exp_avg", "exp_avg_sq", "a gradient"])
@pytest.mark.parametrize("num_bytes", [0, 16])
def test_memory_that_was_freed_is_refused(kind, what, num_bytes):
    (param,), optimiser = stepped(kind, (100,))
    gradient = param.grad
    tensors = {"parameters": param, "a gradient": gradient}
    tensor = tensors[what] if what in tensors else optimiser.state[param][what]
    tensor.untyped_storage().resize_(num_bytes)
    message = f"step: expected {what} with 400 bytes of memory, got {num_bytes}"
    with pytest.raises(RuntimeError, match=message):
        optimiser.step()
    if what == "a gradient":
        with pytest.raises(RuntimeError, match="clip_grad_norm_: expected gradients with 400"):
            clip_grad_norm_([param], 1.0)


def test_memory_of_a_table_that_was_freed_is_refused():
    (table,), optimiser = stepped(Adam, (4, 3))
    set_rows(table, 1)
    optimiser.step()
    ids = torch.tensor([0, 1])
    ids.untyped_storage().resize_(0)
    with pytest.raises(RuntimeError, match="catch_up: expected ids with 16 bytes of memory, got 0"):
        optimiser.catch_up(table, ids)
    set_rows(table, 1)
    table.grad._values().untyped_storage().resize_(0)
    with pytest.raises(RuntimeError, match="rows of a sparse gradient with 12 bytes"):
        optimiser.step()
    optimiser.state[table]["exp_avg"].untyped_storage().resize_(0)
    for ids in (None, torch.tensor([2])):
        with pytest.raises(RuntimeError, match="exp_avg with 48 bytes of memory, got 0"):
            optimiser.catch_up(table, ids)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_that_no_longer_fits_is_refused(kind):
    (param,), optimiser = stepped(kind, (4, 3))
    param.data = torch.ones(5000, 3)
    for name in ("exp_avg", "exp_avg_sq"):
        optimiser.state[param][name] = torch.zeros(5000, 3)
    with pytest.raises(RuntimeError, match=r"a gradient of its .*\(5000, 3\).*\(4, "):
        optimiser.step()
    param.grad = torch.sparse_coo_tensor(
        torch.tensor([[0, 1]]), torch.ones(2, 3), (5000, 3), check_invariants=False
    )
    param.data = torch.ones(5000, 300)
    with pytest.raises(RuntimeError, match=r"shape \(5000, 300\).*, got \(5000, 3\)"):
        optimiser.step()


@pytest.mark.parametrize("layout", ["to_sparse", "to_sparse_csr", "to_mkldnn"])
@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_parameters_of_other_layouts_are_refused(layout):
    param = torch.nn.Parameter(getattr(torch.ones(4, 3), layout)())
    with pytest.raises(ValueError, match="Adam: expected dense parameters, got torch"):
        Adam([param])


def column(param):
    param.data = torch.stack([param.data, torch.ones_like(param.data)], -1)[..., 0]


def transposed(param):
    param.data = param.data.t().contiguous().t()


def channels_last(param):
    param.data = param.data.view(2, 3, 2, 2).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    ("shape", "change"),
    [((6, 4), column), ((6, 4), transposed), ((2, 3, 2, 2), channels_last)],
    ids=["column", "transposed", "channels_last"],
)
@pytest.mark.parametrize("when", ["at first", "later"])
def test_parameters_need_not_be_contiguous(shape, change, dtype, when):
    """The very bits of the same parameter that is."""
    found = []
    for changes in (True, False):
        (param,) = params_of(shape, dtype=dtype)
        if changes and when == "at first":
            change(param)
        optimiser = Adam([param], lr=0.1)
        for number in range(4):
            if changes and number == 2 and when == "later":
                change(param)
            set_dense(param)
            optimiser.step()
        assert param.is_contiguous() != changes
        found.append(bits(param.contiguous()))
    assert found[0] == found[1]


def test_what_lies_between_the_elements_stays():
    (param,), optimiser = stepped(Adam, (5,))
    whole = torch.full((5, 2), 7.0)
    param.data = whole[:, 0]
    set_dense(param)
    optimiser.step()
    assert (whole[:, 0] != 7).all()
    assert (whole[:, 1] == 7).all()


def test_gradients_may_be_views_of_any_kind():
    """The one of a single element looks contiguous though only a flag says its sign."""
    for make in (
        lambda: torch.complex(torch.zeros(1), torch.full((1,), -3.0)).conj().imag,
        lambda: torch.tensor([0.0, 3.0])[1:],
        lambda: torch.tensor([3.0, 0.0])[::2],
        lambda: torch.tensor(3.0).expand(1),
    ):
        (param,) = params_of((1,))
        before = param.item()
        param.grad = make()
        Adam([param], lr=0.1).step()
        assert param.item() == pytest.approx(before - 0.1)


def test_tables_must_be_contiguous_and_elements_apart():
    (table,), optimiser = stepped(Adam, (4, 3))
    transposed(table)
    set_rows(table, 1)
    with pytest.raises(RuntimeError, match="expected a contiguous table, got strides"):
        optimiser.step()
    table.data = torch.ones(1, 3).expand(4, 3)
    set_dense(table)
    with pytest.raises(RuntimeError, match=r"have memory of their own, got strides \(0, 1\)"):
        optimiser.step()


def test_a_state_of_another_optimiser_is_refused():
    (param,), optimiser = stepped(Adam, (4, 3))
    theirs = torch.optim.SGD([param], lr=0.1, momentum=0.9)
    theirs.step()
    with pytest.raises(ValueError, match="expected step, exp_avg and .*, got momentum_buffer"):
        optimiser.load_state_dict(theirs.state_dict())
    del optimiser.state[param]["exp_avg_sq"]
    with pytest.raises(RuntimeError, match="exp_avg and exp_avg_sq in the state of each"):
        optimiser.step()


def test_a_lazy_table_refuses_ids_outside():
    (table,) = params_of((4, 3))
    optimiser = Adam([table], lazy=True)
    set_rows(table, 1)
    optimiser.step()
    for ids in ([-1], [0, 4]):
        with pytest.raises(IndexError, match="expected ids from 0 to V - 1 = 3, got"):
            optimiser.catch_up(table, torch.tensor(ids))
