"""RNN, LSTM and GRU compute what torch.nn's compute, by the engine and by the composite."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import tidegate.nn as tn
from nn_samples import (
    CELL_PAIRS,
    FORMS,
    LAYERS,
    LENGTHS,
    PAIRS,
    H,
    I,
    N,
    T,
    assert_all_close,
    call,
    flatten,
    gradients,
    inputs,
    offsets_of,
    twins,
)

NAN = float("nan")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("name", PAIRS)
def test_results_and_gradients_are_torchs(name, num_layers, bidirectional, bias, form, path):
    layer, reference = twins(
        name,
        num_layers=num_layers,
        bidirectional=bidirectional,
        bias=bias,
        batch_first=form == "batch",
    )
    for with_states in (True, False):
        data, states = inputs(form, layer, with_states=with_states)
        found, expected = call(layer, form, data, states), call(reference, form, data, states)
        assert_all_close(found, expected)
        assert_all_close(
            gradients(layer, data, states, found), gradients(reference, data, states, expected)
        )


@pytest.mark.parametrize("name", PAIRS)
def test_float32_is_as_close_as_torch_is_to_float64(name, path):
    """At a size with full and partial vectors; the bound is torch's own error, four times."""
    torch.manual_seed(0)
    layer = PAIRS[name][0](37, 61)
    reference = PAIRS[name][1](37, 61)
    reference.load_state_dict(layer.state_dict())
    exact = PAIRS[name][1](37, 61).double()
    exact.load_state_dict(layer.state_dict())
    x = torch.randn(50, 7, 37)
    found, theirs, true = (
        m(x.to(next(m.parameters()).dtype))[0] for m in (layer, reference, exact)
    )
    assert found.dtype == torch.float32
    bound = 4 * (theirs.double() - true).abs().max() + 1e-7
    assert (found.double() - true).abs().max() <= bound


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("batch_first", [False, True], ids=["time first", "batch first"])
@pytest.mark.parametrize("name", PAIRS)
def test_lengths_are_a_packed_batch(name, batch_first, bidirectional, path):
    layer, reference = twins(
        name, num_layers=2, bidirectional=bidirectional, batch_first=batch_first
    )
    form = "batch" if batch_first else "time"
    data, states = inputs(form, layer)
    packed = pack_padded_sequence(
        data, torch.tensor(LENGTHS), batch_first=batch_first, enforce_sorted=False
    )
    output, finals = reference(packed, states)
    padded, _ = pad_packed_sequence(output, batch_first=batch_first)
    expected = [padded, *(finals if isinstance(finals, tuple) else (finals,))]
    for lengths in (LENGTHS, torch.tensor(LENGTHS), torch.tensor(LENGTHS, dtype=torch.int32)):
        found = call(layer, form, data, states, lengths=lengths)
        assert_all_close(found, expected)
    assert_all_close(
        gradients(layer, data, states, found), gradients(reference, data, states, expected)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_flat_batch_is_the_padded_one_without_its_padding(name, bidirectional, dtype, path):
    """Bit for bit, whatever form the offsets have."""
    layer = LAYERS[name](I, H, num_layers=2, bidirectional=bidirectional, dtype=dtype)
    data, states = inputs("time", layer, dtype=dtype)
    lengths = [2, 0, 6, 4]
    output, *finals = call(layer, "time", data, states, lengths=lengths)
    expected = [flatten(output, lengths), *finals]
    expected_gradients = gradients(layer, data, states, expected)
    offsets = offsets_of(lengths)
    strided = torch.stack([offsets, offsets], 1)[:, 0]
    for given in (offsets, offsets.int(), offsets.tolist(), offsets.numpy(), strided):
        found = call(layer, "time", flatten(data, lengths), states, offsets=given)
        assert_all_close(found, expected, rtol=0, atol=0)
        assert_all_close(gradients(layer, data, states, found), expected_gradients, rtol=0, atol=0)


@pytest.mark.parametrize("offsets", [[0], [0, 0, 0]], ids=["no rows", "no steps"])
@pytest.mark.parametrize("name", LAYERS)
def test_an_empty_flat_batch_leaves_the_states(name, offsets, path):
    layer = LAYERS[name](I, H, num_layers=2, bidirectional=True, dtype=torch.float64)
    data = torch.zeros(0, I, dtype=torch.float64, requires_grad=True)
    h_0 = torch.randn(4, len(offsets) - 1, H, dtype=torch.float64, requires_grad=True)
    states = (h_0, h_0) if layer.mode == "LSTM" else h_0
    output, *finals = call(layer, "time", data, states, offsets=offsets)
    assert output.shape == (0, 2 * H)
    for final in finals:
        assert torch.equal(final, h_0)
    (output.sum() + finals[0].sum()).backward()
    assert data.grad.shape == data.shape
    assert torch.equal(h_0.grad, torch.ones_like(h_0))


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("name", LAYERS)
def test_nothing_past_a_rows_end_is_read(name, bidirectional, path):
    layer = LAYERS[name](I, H, num_layers=2, bidirectional=bidirectional, dtype=torch.float64)
    data, states = inputs("time", layer)
    lengths = [2, 0, 6, 4]
    expected = call(layer, "time", data, states, lengths=lengths)
    poisoned = data.detach().clone()
    for row, length in enumerate(lengths):
        poisoned[length:, row] = NAN
    poisoned.requires_grad_()
    found = call(layer, "time", poisoned, states, lengths=lengths)
    assert_all_close(found, expected, rtol=0, atol=0)
    assert_all_close(
        gradients(layer, poisoned, states, found),
        gradients(layer, data, states, expected),
        rtol=0,
        atol=0,
    )
    for row, length in enumerate(lengths):
        assert not found[0][length:, row].any()
    initial = states if isinstance(states, tuple) else (states,)
    for final, state in zip(found[1:], initial, strict=True):
        assert torch.equal(final[:, 1], state[:, 1])


@pytest.mark.parametrize("name", LAYERS)
def test_a_row_does_not_depend_on_the_batch(name, path):
    layer = LAYERS[name](I, H, bidirectional=True, dtype=torch.float64)
    data, _ = inputs("time", layer, with_states=False)
    output, h_n = call(layer, "time", data, None, lengths=LENGTHS)[:2]
    for row, length in enumerate(LENGTHS):
        alone = call(layer, "single", data[:length, row], None)
        torch.testing.assert_close(output[:length, row], alone[0], rtol=1e-13, atol=1e-15)
        torch.testing.assert_close(h_n[:, row], alone[1], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", LAYERS)
def test_a_cut_sequence_goes_on_where_it_stopped(name, path):
    layer = LAYERS[name](I, H, num_layers=2, dtype=torch.float64)
    data, states = inputs("time", layer)
    whole, h_n = layer(data, states)
    first, between = layer(data[:2], states)
    second, end = layer(data[2:], between)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(end, h_n, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", LAYERS)
def test_without_gradients_the_values_are_the_same_bits(name, path):
    layer = LAYERS[name](I, H, num_layers=2, bidirectional=True)
    data, states = inputs("time", layer, dtype=torch.float32)
    trained = call(layer, "time", data, states, lengths=LENGTHS)
    assert all(result.requires_grad for result in trained)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            plain = call(layer, "time", data, states, lengths=LENGTHS)
        assert not any(result.requires_grad for result in plain)
        assert_all_close(plain, [result.detach() for result in trained], rtol=0, atol=0)


@pytest.mark.parametrize("form", ["time", "batch", "packed"])
@pytest.mark.parametrize("name", ["rnn-tanh", "gru", "lstm"])
def test_dropout_draws_as_torch_does(name, form, path):
    layer, reference = twins(name, num_layers=3, dropout=0.4, batch_first=form == "batch")
    data, states = inputs(form, layer)
    torch.manual_seed(4)
    found = call(layer, form, data, states)
    torch.manual_seed(4)
    expected = call(reference, form, data, states)
    assert_all_close(found, expected)
    layer.eval(), reference.eval()
    assert_all_close(call(layer, form, data, states), call(reference, form, data, states))
    assert not torch.equal(call(layer, form, data, states)[0], found[0])


def test_dropout_of_a_flat_batch_draws_once_a_position(path):
    layer = tn.GRU(I, H, num_layers=2, dropout=0.4)
    first, second = tn.GRU(I, H), tn.GRU(H, H)
    for number, alone in enumerate((first, second)):
        suffix = f"_l{number}"
        weights = {k: v for k, v in layer.state_dict().items() if k.endswith(suffix)}
        alone.load_state_dict({k.replace(suffix, "_l0"): v for k, v in weights.items()})
    data, _ = inputs("time", layer, dtype=torch.float32, with_states=False)
    x, offsets = flatten(data, LENGTHS), offsets_of(LENGTHS)
    torch.manual_seed(4)
    found, _ = layer(x, offsets=offsets)
    torch.manual_seed(4)
    between = nn.functional.dropout(first(x, offsets=offsets)[0], 0.4)
    torch.testing.assert_close(found, second(between, offsets=offsets)[0], rtol=0, atol=0)


def test_dropout_of_everything_leaves_the_biases(path):
    layer, reference = twins("gru", num_layers=2, dropout=1.0, batch_first=True)
    data, states = inputs("batch", layer)
    assert_all_close(call(layer, "batch", data, states), call(reference, "batch", data, states))


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("form", FORMS)
def test_a_projection_is_torchs(form, bias, bidirectional):
    layer, reference = twins(
        "lstm",
        num_layers=2,
        proj_size=2,
        bias=bias,
        bidirectional=bidirectional,
        batch_first=form == "batch",
    )
    data, states = inputs(form, layer)
    found, expected = call(layer, form, data, states), call(reference, form, data, states)
    assert_all_close(found, expected)
    assert_all_close(
        gradients(layer, data, states, found), gradients(reference, data, states, expected)
    )


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("shape", [(0, N), (T, 0), (0, 0)], ids=["no steps", "no rows", "nothing"])
def test_empty_batches_leave_the_states(name, shape, path):
    layer = LAYERS[name](I, H, bidirectional=True, dtype=torch.float64)
    x = torch.zeros(*shape, I, dtype=torch.float64, requires_grad=True)
    h_0 = torch.randn(2, shape[1], H, dtype=torch.float64, requires_grad=True)
    output, finals = layer(x, (h_0, h_0) if layer.mode == "LSTM" else h_0)
    assert output.shape == (*shape, 2 * H)
    if shape[0] == 0:
        for final in finals if layer.mode == "LSTM" else [finals]:
            assert torch.equal(final, h_0)
    h_n = finals[0] if layer.mode == "LSTM" else finals
    (output.sum() + h_n.sum()).backward()
    assert x.grad.shape == x.shape
    assert not any(p.grad is not None and p.grad.any() for p in layer.parameters())
    if shape[0] == 0:
        assert torch.equal(h_0.grad, torch.ones_like(h_0))


@pytest.mark.parametrize("name", LAYERS)
def test_any_strides_will_do(name, path):
    layer = LAYERS[name](I, H, bidirectional=True, dtype=torch.float64)
    data, states = inputs("time", layer)
    wide = torch.zeros(N, T, 2 * I, dtype=torch.float64)
    wide[..., ::2] = data.detach().transpose(0, 1)
    strided = wide[..., ::2].transpose(0, 1).requires_grad_()
    negative = torch.complex(data.detach() * 0, -data.detach()).conj().imag.requires_grad_()
    assert negative.is_neg()
    for x in (strided, negative):
        found, expected = call(layer, "time", x, states), call(layer, "time", data, states)
        assert_all_close(found, expected)
        assert_all_close(
            gradients(layer, x, states, found), gradients(layer, data, states, expected)
        )
    # The gradient of a sum is one number seen through strides of 0.
    a = torch.autograd.grad(layer(data, states)[0].sum(), data)[0]
    output = layer(data, states)[0]
    b = torch.autograd.grad(output, data, torch.ones(output.shape, dtype=torch.float64))[0]
    assert torch.equal(a, b)


@pytest.mark.parametrize("value", [NAN, float("inf"), -float("inf")], ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_numbers_that_are_not_finite_come_out_as_torchs(name, value, path):
    layer, reference = twins(name, bidirectional=True)
    data, states = inputs("time", layer)
    with torch.no_grad():
        data[2, 1, 0] = value
        (states[0] if name == "lstm" else states)[0, 3, 1] = value
    for a, b in zip(
        call(layer, "time", data, states), call(reference, "time", data, states), strict=True
    ):
        torch.testing.assert_close(a, b, equal_nan=True, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", PAIRS)
def test_other_dtypes_run_as_torchs(name, dtype):
    layer, reference = twins(name, dtype=dtype)
    data, states = inputs("time", layer, dtype=dtype)
    for a, b in zip(
        call(layer, "time", data, states), call(reference, "time", data, states), strict=True
    ):
        # Two units of bfloat16's last place at 1.
        torch.testing.assert_close(a, b, rtol=0, atol=2**-6)


@pytest.mark.parametrize("name", PAIRS)
def test_autocast_gives_torchs_dtypes(name):
    layer, reference = twins(name, dtype=torch.float32)
    data, states = inputs("time", layer, dtype=torch.float32)
    with torch.autocast("cpu"):
        found = call(layer, "time", data, states)
        try:
            expected = call(reference, "time", data, states)
        except RuntimeError as error:
            if "primitive descriptor" not in str(error):
                raise
            assert found[0].dtype == torch.bfloat16
            pytest.skip("PyTorch's oneDNN has no LSTM in bfloat16 for this processor")
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=2**-5)


@pytest.mark.parametrize("is_batched", [True, False], ids=["batch", "single"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("name", CELL_PAIRS)
def test_cells_are_torchs(name, bias, is_batched, path):
    make, make_reference = CELL_PAIRS[name]
    torch.manual_seed(1)
    cell = make(I, H, bias=bias, dtype=torch.float64)
    torch.manual_seed(1)
    reference = make_reference(I, H, bias=bias, dtype=torch.float64)
    batch = (N,) if is_batched else ()
    x = torch.randn(*batch, I, dtype=torch.float64, requires_grad=True)
    h = torch.randn(*batch, H, dtype=torch.float64, requires_grad=True)
    c = torch.randn(*batch, H, dtype=torch.float64, requires_grad=True)
    for state in (None, (h, c) if name == "lstm" else h):
        found, expected = cell(x, state), reference(x, state)
        if name != "lstm":
            found, expected = (found,), (expected,)
        assert_all_close(found, expected)
        targets = [x, *(() if state is None else (h,))]
        assert_all_close(
            torch.autograd.grad(
                sum(r.square().sum() for r in found), [*targets, *cell.parameters()]
            ),
            torch.autograd.grad(
                sum(r.square().sum() for r in expected), [*targets, *reference.parameters()]
            ),
        )


def test_the_reset_before_cell_is_one_step_of_the_layer(path):
    cell = tn.GRUCell(I, H, reset="before", dtype=torch.float64)
    layer = tn.GRU(I, H, reset="before", dtype=torch.float64)
    layer.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
    data, states = inputs("time", layer)
    torch.testing.assert_close(
        cell(data[0], states[0]), layer(data[:1], states)[1][0], rtol=1e-14, atol=1e-16
    )
    assert (layer(data)[0] - nn.GRU.forward(_as_torchs(layer), data)[0]).abs().max() > 1e-3


def _as_torchs(layer):
    reference = nn.GRU(I, H, dtype=torch.float64)
    reference.load_state_dict(layer.state_dict())
    return reference
