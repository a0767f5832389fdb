"""Pooling of ragged batches: values, gradients, ties, rows without steps, what is not finite."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import tidegate.nn as tn
from nn_samples import H, I, offsets_of
from tidegate.nn import _path, pooling

F = 6
HOWS = ["last", "last both ways", "mean", "max", "mean+max"]
LENGTHS = [3, 0, 5, 1, 0]
LONG = [700, 0, 1500, 1]  # enough for several threads
NAN = float("nan")


def draw(lengths, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(sum(lengths), F, generator=generator, dtype=dtype)
    return values.requires_grad_()


def pooled(values, offsets, how):
    if how == "last both ways":
        return tn.pool(values, offsets, "last", bidirectional=True)
    return tn.pool(values, offsets, how)


def by_rows(values, lengths, how):
    """The same, row by row, by the operations that say it."""
    found = []
    for row in values.split(lengths):
        parts = {
            "last": lambda x: [x[-1]],
            "last both ways": lambda x: [x[-1, : F // 2], x[0, F // 2 :]],
            "mean": lambda x: [x.mean(0)],
            "max": lambda x: [x.max(0).values],
            "mean+max": lambda x: [x.mean(0), x.max(0).values],
        }[how]
        size = 2 * F if how == "mean+max" else F
        found.append(torch.cat(parts(row)) if len(row) else values.new_zeros(size))
    return torch.stack(found)


def gradient(result, values):
    outer = torch.linspace(-1, 1, result.numel(), dtype=result.dtype).view_as(result)
    return torch.autograd.grad((result * outer).sum(), values)[0]


@pytest.mark.parametrize("lengths", [LENGTHS, LONG], ids=["short", "long"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("how", HOWS)
def test_it_is_what_is_done_row_by_row(how, dtype, lengths, path):
    values, offsets = draw(lengths, dtype), offsets_of(lengths)
    found, expected = pooled(values, offsets, how), by_rows(values, lengths, how)
    torch.testing.assert_close(found, expected)
    slope = gradient(found, values)
    torch.testing.assert_close(slope, gradient(expected, values))
    with torch.no_grad():
        assert torch.equal(pooled(values, offsets, how), found)
    strided = values.detach().t().contiguous().t().requires_grad_()
    again = pooled(strided, offsets.int(), how)
    assert torch.equal(again, found)
    assert torch.equal(gradient(again, strided), slope)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("how", ["mean", "max", "mean+max"])
def test_the_engine_and_torch_give_the_same_bits(how, dtype, monkeypatch):
    values, offsets = draw(LONG, dtype), offsets_of(LONG)
    with torch.no_grad():
        values.mul_(8).round_()  # many ties
    found = tn.pool(values, offsets, how)
    assert "TidegatePool" in found.grad_fn.name()
    monkeypatch.setattr(_path, "MISSING", "a test goes without the engine")
    expected = tn.pool(values, offsets, how)
    assert "TidegatePool" not in expected.grad_fn.name()
    assert torch.equal(found, expected)
    assert torch.equal(gradient(found, values), gradient(expected, values))


@pytest.mark.parametrize("how", ["mean", "max", "mean+max"])
def test_a_batch_of_gradients_is_one_after_the_other(how):
    values, offsets = draw(LENGTHS), offsets_of(LENGTHS)
    found = tn.pool(values, offsets, how)
    outer = torch.randn(3, *found.shape, dtype=found.dtype, generator=torch.Generator())
    (batched,) = torch.autograd.grad(found, values, outer, retain_graph=True, is_grads_batched=True)
    for slope, grad in zip(batched, outer, strict=True):
        assert torch.equal(slope, torch.autograd.grad(found, values, grad, retain_graph=True)[0])


def attention(dtype=torch.float64, scale=1.0):
    module = tn.AttentionPooling(F, dtype=dtype)
    with torch.no_grad():
        module.weight.copy_(torch.linspace(-scale, scale, F))
    return module


@pytest.mark.parametrize("scale", [1.0, 1e4], ids=["small", "huge"])
def test_attention_is_the_mean_by_a_softmax(scale):
    module, values = attention(scale=scale), draw(LENGTHS)
    found = module(values, offsets_of(LENGTHS))
    for row, x in zip(found, values.split(LENGTHS), strict=True):
        torch.testing.assert_close(row, torch.softmax(x @ module.weight, 0) @ x)
    assert gradient(found, values).isfinite().all()


def test_attention_begins_as_the_mean():
    values, offsets = draw(LENGTHS), offsets_of(LENGTHS)
    module = tn.AttentionPooling(F, dtype=torch.float64)
    torch.testing.assert_close(module(values, offsets), tn.pool(values, offsets, "mean"))
    assert repr(module) == "AttentionPooling(6)"
    assert module.weight.shape == (F,)


def test_gradients_are_differences(path):
    values, offsets = draw(LENGTHS), offsets_of(LENGTHS)
    for how in HOWS:
        assert gradcheck(lambda x, how=how: pooled(x, offsets, how), values)
        assert gradgradcheck(lambda x, how=how: pooled(x, offsets, how), values)
    module = attention()

    def attended(x, weight):
        return torch.func.functional_call(module, {"weight": weight}, (x, offsets))

    assert gradcheck(attended, (values, module.weight))
    assert gradgradcheck(attended, (values, module.weight))


@pytest.mark.parametrize("how", ["max", "mean+max"])
def test_the_first_of_equal_maxima_has_the_gradient(how, path):
    lengths = [2, 2500, 3]
    values = torch.zeros(sum(lengths), F, requires_grad=True)
    result = tn.pool(values, offsets_of(lengths), how)[:, -F:]
    (found,) = torch.autograd.grad(result.sum(), values)
    expected = torch.zeros_like(found)
    expected[[0, 2, 2502]] = 1
    assert torch.equal(found, expected)


@pytest.mark.parametrize("how", [*HOWS, "attention"])
def test_a_nan_stays_in_its_row_and_comes_out(how, path):
    run = attention() if how == "attention" else lambda x, offsets: pooled(x, offsets, how)
    values, offsets = draw(LENGTHS), offsets_of(LENGTHS)
    expected = run(values, offsets).detach()
    with torch.no_grad():
        values[7] = NAN  # the last of row 2 ...
        values[3, F // 2 :] = NAN  # ... and its first step, of the backward direction
    found = run(values, offsets)
    assert found[2].isnan().all()
    others = [0, 1, 3, 4]
    assert torch.equal(found[others], expected[others])
    if how == "max":
        (slope,) = torch.autograd.grad(found.sum(), values)
        assert slope[3].tolist() == [0, 0, 0, 1, 1, 1]
        assert slope[7].tolist() == [1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("how", ["max", "mean+max"])
def test_infinities_come_out(how, path):
    values = torch.full((4, F), -float("inf"), requires_grad=True)
    found = tn.pool(values, [0, 3, 4], how)
    assert (found == -float("inf")).all()
    (slope,) = torch.autograd.grad(found[:, -F:].sum(), values)
    assert slope[:, 0].tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("offsets", [[0], [0, 0, 0]], ids=["no rows", "no steps"])
@pytest.mark.parametrize("how", [*HOWS, "attention"])
def test_nothing_gives_zeros(how, offsets, path):
    values = torch.zeros(0, F, dtype=torch.float64, requires_grad=True)
    run = attention() if how == "attention" else lambda x, offsets: pooled(x, offsets, how)
    found = run(values, offsets)
    assert found.shape == (len(offsets) - 1, 2 * F if how == "mean+max" else F)
    assert not found.any()
    found.sum().backward()
    assert values.grad.shape == values.shape


@pytest.mark.parametrize("how", [*HOWS, "attention"])
def test_a_row_does_not_depend_on_the_batch(how):
    run = attention(torch.float32) if how == "attention" else lambda x, o: pooled(x, o, how)
    values = draw(LONG, torch.float32)
    found = run(values, offsets_of(LONG))
    for row, x in zip(found, values.split(LONG), strict=True):
        assert torch.equal(run(x, [0, len(x)])[0], row)


def test_the_last_is_the_layers_final_state():
    x, offsets = torch.randn(9, I), offsets_of([3, 5, 1])
    output, h_n = tn.GRU(I, H)(x, offsets=offsets)
    assert torch.equal(tn.pool(output, offsets, "last"), h_n[0])
    output, h_n = tn.GRU(I, H, bidirectional=True)(x, offsets=offsets)
    found = tn.pool(output, offsets, "last", bidirectional=True)
    assert torch.equal(found, torch.cat([*h_n], 1))


@pytest.mark.parametrize("how", ["mean", "max", "mean+max", "last"])
def test_bfloat16_is_pooled(how):
    values = draw(LENGTHS, torch.float32).detach().bfloat16().requires_grad_()
    found = tn.pool(values, offsets_of(LENGTHS), how)
    expected = by_rows(values, LENGTHS, how)
    # Two units of bfloat16's last place at 1.
    torch.testing.assert_close(found, expected, rtol=0, atol=2**-6)
    torch.testing.assert_close(
        gradient(found, values), gradient(expected, values), rtol=0, atol=2**-6
    )


def test_gradients_under_a_transform_of_functions_are_the_same():
    values, offsets = draw(LENGTHS), offsets_of(LENGTHS)
    found = torch.func.grad(lambda x: tn.pool(x, offsets, "mean+max").sin().sum())(values.detach())
    result = tn.pool(values, offsets, "mean+max").sin().sum()
    assert torch.equal(found, torch.autograd.grad(result, values)[0])


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("how", [*HOWS, "attention"])
def test_a_compiled_pooling_is_one_graph(how):
    torch._dynamo.reset()
    run = attention() if how == "attention" else lambda x, offsets: pooled(x, offsets, how)
    compiled = torch.compile(run, fullgraph=True, backend="aot_eager", dynamic=True)
    for lengths in (LENGTHS, [2, 2, 4]):
        values, offsets = draw(lengths), offsets_of(lengths)
        found, expected = compiled(values, offsets), run(values, offsets)
        torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-15)
        torch.testing.assert_close(
            gradient(found, values), gradient(expected, values), rtol=1e-14, atol=1e-15
        )


def test_the_operator_keeps_torchs_rules(path):
    values = draw(LENGTHS).detach()
    torch.library.opcheck(pooling.first_maxima, (values, offsets_of(LENGTHS)))


def test_arguments_that_make_no_sense_are_refused():
    values, offsets = torch.zeros(4, 3), [0, 1, 4]
    with pytest.raises(ValueError, match=r"how of 'last', 'mean', 'max', 'mean\+max', got 'sum'"):
        tn.pool(values, offsets, "sum")
    with pytest.raises(ValueError, match=r"shape \(P, F\), got \(4,\)"):
        tn.pool(values[:, 0], offsets, "max")
    with pytest.raises(ValueError, match="pool: expected offsets from 0 to the flat input's P = 4"):
        tn.pool(values, [0, 3], "max")
    with pytest.raises(ValueError, match="pool: expected an even F of two directions, got F = 3"):
        tn.pool(values, offsets, "last", bidirectional=True)
    with pytest.raises(TypeError, match="got torch.float32"):
        tn.pool(values, torch.tensor([0.0, 4.0]), "max")
    with pytest.raises(RuntimeError, match=r"input_size = 2 features, got \(4, 3\)"):
        tn.AttentionPooling(2)(values, offsets)
    with pytest.raises(ValueError, match=r"AttentionPooling: expected values of shape \(P, F\)"):
        tn.AttentionPooling(3)(values[0], offsets)
