"""Infinities, NaN and denormal numbers; what stands past a row's end; two directions in one."""

import numpy as np
import pytest
import torch

import reference
from engine_samples import CELLS, Case, arrays, assert_same_bits, run, run_layer
from gate_functions import apply
from tidegate import engine
from tidegate.equations import Weights

T, N, I, H = 6, 5, 4, 9
TORCH = {"rnn_tanh": torch.nn.RNN, "rnn_relu": torch.nn.RNN, "lstm": torch.nn.LSTM}
TORCH |= {"gru_after": torch.nn.GRU}


def torch_layer(cell, w, input_size=I, hidden_size=H):
    options = {"nonlinearity": cell.removeprefix("rnn_")} if cell.startswith("rnn_") else {}
    layer = TORCH[cell](input_size, hidden_size, **options)
    with torch.no_grad():
        for name, value in w._asdict().items():
            getattr(layer, f"{name}_l0").copy_(torch.from_numpy(value))
    return layer


def full(cell, **changes):
    """Rows of T steps, as arrays that may be changed."""
    case = Case(cell, T=T, N=N, I=I, H=H, lengths=(T,) * N, **changes)
    given = arrays(case)
    return given._replace(x=given.x.copy(), h_0=given.h_0.copy())


@pytest.mark.parametrize("into", ["x", "h_0"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("cell", TORCH)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_not_finite_goes_where_torchs_goes(cell, value, into, isa):
    given = full(cell)
    if into == "x":
        given.x[2, 1, 3] = value
    else:
        given.h_0[1, 7] = value
    # In float64, for which torch takes its plain loop.
    layer = torch_layer(cell, given.w).double()
    x, hx, cx = (torch.from_numpy(a).double() for a in (given.x, given.h_0, given.c_0))
    x.requires_grad_()
    wanted, _ = layer(x, (hx[None], cx[None]) if cell == "lstm" else hx[None])
    wanted.sum().backward()
    c_0 = given.c_0 if cell == "lstm" else None
    found = engine.forward(cell, given.x, engine.Weights(*given.w), given.h_0, c_0, training=True)
    # Infinities, NaN and their signs in place; the rest within rounding.
    np.testing.assert_allclose(found.output, wanted.detach().numpy(), rtol=2e-5, atol=1e-6)
    untouched = [row for row in range(N) if row != 1]
    plain = full(cell)
    clean = engine.forward(cell, plain.x, engine.Weights(*plain.w), plain.h_0, c_0)
    assert found.output[:, untouched].tobytes() == clean.output[:, untouched].tobytes()

    grads = engine.backward(found.saved, np.ones_like(found.output))
    np.testing.assert_allclose(grads.input, x.grad.numpy(), rtol=2e-4, atol=2e-6)
    for name, gradient in grads.weights._asdict().items():
        other = getattr(layer, f"{name}_l0").grad.numpy()
        np.testing.assert_array_equal(np.isnan(gradient), np.isnan(other), name)


@pytest.mark.parametrize("size", [1, 2, H])
@pytest.mark.parametrize("value", [np.nan, np.inf], ids=str)
@pytest.mark.parametrize("cell", TORCH)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_gradients_that_are_not_finite_go_where_torchs_go(cell, value, size, isa):
    given = arrays(Case(cell, T=T, N=N, I=size, H=size, lengths=(T,) * N))
    grad_output = given.grad.output.copy()
    grad_output[4, 1, 0] = value
    layer = torch_layer(cell, given.w, size, size).double()
    x = torch.from_numpy(given.x).double().requires_grad_()
    layer(x)[0].backward(torch.from_numpy(grad_output).double())
    found = engine.forward(cell, given.x, engine.Weights(*given.w), training=True)
    grads = engine.backward(found.saved, grad_output)
    pairs = {name: getattr(layer, f"{name}_l0").grad for name in given.w._fields}
    for name, other in {"input": x.grad, **pairs}.items():
        gradient = grads.input if name == "input" else getattr(grads.weights, name)
        # Which of infinity and NaN is a matter of how a formula is written: grad - z * grad is NaN
        # where (1 - z) * grad is infinite.
        found_finite, wanted_finite = np.isfinite(gradient), np.isfinite(other.numpy())
        np.testing.assert_array_equal(found_finite, wanted_finite, name)
        np.testing.assert_allclose(
            gradient[found_finite], other.numpy()[found_finite], rtol=2e-4, atol=5e-6, err_msg=name
        )


@pytest.mark.parametrize("cell", CELLS)
def test_nan_stays_in_its_row_and_after_its_step(cell, isa):
    clean, given = full(cell), full(cell)
    given.x[2, 1, 3] = np.nan
    case = Case(cell, T=T, N=N, I=I, H=H)
    (a, a_grads), (b, b_grads) = run(case, given=clean), run(case, given=given)
    others = [0, 2, 3, 4]
    assert np.isnan(b.output[2:, 1]).all()
    assert np.isnan(b.h_n[1]).all()
    assert a.output[:2].tobytes() == b.output[:2].tobytes()
    assert a.output[:, others].tobytes() == b.output[:, others].tobytes()
    assert a_grads.x[:, others].tobytes() == b_grads.x[:, others].tobytes()
    if cell != "rnn_relu":  # whose slope at NaN is 1
        assert np.isnan(b_grads.x[:, 1]).any()
    assert np.isnan(b_grads.weight_hh).any()


@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("cell", CELLS)
def test_what_stands_past_a_rows_end_is_not_read(cell, reverse, isa):
    case = Case(cell, T=T, N=N, I=I, H=H, reverse=reverse)
    given = arrays(case)
    past = np.arange(T)[:, None] >= given.lengths
    x, grad_output = given.x.copy(), given.grad.output.copy()
    x[past] = grad_output[past] = np.nan
    c_0 = given.c_0 if cell == "lstm" else None
    options = {"lengths": given.lengths, "reverse": reverse, "training": True}

    def both(x, grad_output):
        found = engine.forward(cell, x, engine.Weights(*given.w), given.h_0, c_0, **options)
        grads = engine.backward(found.saved, grad_output, given.grad.h_n)
        return [found.output, found.h_n, grads.input, grads.h_0, *grads.weights]

    names = ["output", "h_n", "x", "h_0", *given.w._fields]
    assert_same_bits(both(x, grad_output), both(given.x, given.grad.output), names)


@pytest.mark.parametrize("cell", CELLS)
def test_an_empty_row_returns_its_state_as_it_is(cell, isa):
    """Infinities and NaN too: nothing is computed with it."""
    case = Case(cell, T=3, N=3, H=H, lengths=(0, 3, 0))
    given = arrays(case)
    h_0 = given.h_0.copy()
    h_0[0, :3] = np.nan, np.inf, -0.0
    result, grads = run(case, given=given._replace(h_0=h_0))
    assert result.h_n[[0, 2]].tobytes() == h_0[[0, 2]].tobytes()
    assert result.c_n[[0, 2]].tobytes() == given.c_0[[0, 2]].tobytes()
    assert grads.h_0[[0, 2]].tobytes() == given.grad.h_n[[0, 2]].tobytes()
    assert np.isfinite(grads.weight_hh).all()


@pytest.mark.parametrize("scale", [1e-41, 3e-39, 1e-37], ids=["denormal", "mixed", "normal"])
@pytest.mark.parametrize("cell", CELLS)
def test_denormal_numbers_may_count_as_zero(cell, scale, isa):
    """While kernels run they do, for speed: off by no more than a few smallest normal numbers."""
    case = Case(cell, T=4, N=3, H=H, bias=False, lengths=(4, 4, 4))
    given = arrays(case)
    small = np.float32(scale)
    given = given._replace(x=given.x * small, h_0=given.h_0 * small, c_0=given.c_0 * small)
    found, _ = run(case, given=given)
    wide = [a.astype(np.float64) for a in (given.x, given.h_0, given.c_0)]
    w = Weights(*(a.astype(np.float64) for a in given.w))
    wanted = reference.forward(cell, wide[0], w, *wide[1:], given.lengths)
    smallest = np.finfo(np.float32).smallest_normal
    for got, true in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got, true, rtol=1e-5, atol=8 * smallest)


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_the_program_keeps_its_denormal_numbers(cell, num_threads, isa):
    """How the processor treats them is set back before a call returns."""
    case = Case(cell, T=4, N=33, H=H)
    given = arrays(case)
    before = engine.num_threads()
    engine.set_num_threads(num_threads)
    tiny = np.full(64, 1e-41, np.float32)
    try:
        run(case)
        assert (tiny * np.float32(0.5) > 0).all()
        engine.Stepper(cell, engine.Weights(*given.w)).step(given.x[0, :1])
        assert (tiny * np.float32(0.5) > 0).all()
        apply("tanh", tiny)
        assert (tiny * np.float32(0.5) > 0).all()
    finally:
        engine.set_num_threads(before)


@pytest.mark.parametrize("cell", CELLS)
def test_saturated_gates(cell, isa):
    """Values so large that every exponential over- or underflows give finite results."""
    if cell == "rnn_relu":
        pytest.skip("relu does not saturate")
    given = full(cell)
    given = given._replace(x=given.x * np.float32(1e30))
    case = Case(cell, T=T, N=N, I=I, H=H)
    result, grads = run(case, given=given)
    wide = [a.astype(np.float64) for a in (given.x, given.h_0, given.c_0)]
    w = Weights(*(a.astype(np.float64) for a in given.w))
    grad = reference.Result(*(a.astype(np.float64) for a in given.grad))
    with np.errstate(over="ignore"):
        outputs = reference.forward(cell, wide[0], w, *wide[1:], given.lengths)
        wanted = reference.backward(cell, wide[0], w, *wide[1:], given.lengths, grad)
    # Gates are exactly 0 or 1 and candidates -1 or 1, so little is left to be rounded.
    for name in result._fields:
        got, exact = getattr(result, name), getattr(outputs, name)
        np.testing.assert_allclose(got, exact, rtol=1e-5, atol=1e-6, err_msg=name)
    for name in grads._fields:
        got, exact = getattr(grads, name), getattr(wanted, name)
        np.testing.assert_allclose(got, exact, rtol=1e-5, atol=1e-5, err_msg=name)
    assert np.abs(result.output).max() > 0.5


@pytest.mark.parametrize("cell", CELLS)
def test_two_directions_write_into_one_array(cell, isa):
    """Each into its half of the output; their gradients by the input add up."""
    forwards = Case(cell, T=T, N=N, I=I, H=H)
    backwards = Case(cell, T=T, N=N, I=I, H=H, reverse=True)
    given = arrays(forwards)
    parts = [run(case)[1].x for case in (forwards, backwards)]
    wanted = [run(case)[0].output for case in (forwards, backwards)]

    both = np.full((T, N, 2 * H), 7, np.float32)
    grad_output = np.concatenate([given.grad.output] * 2, axis=2)
    grad_input = np.full((T, N, I), 7, np.float32)
    rows, steps = np.arange(N), np.arange(T) * N
    plan = engine.LayerPlan(
        cell=cell,
        dtype="float32",
        num_rows=N,
        num_steps=T,
        input_size=I,
        hidden_size=H,
        row_offset=rows.ctypes.data,
        step_offset=steps.ctypes.data,
        lengths=given.lengths.ctypes.data,
        pad=True,
        has_state=True,
        backwards=True,
    )
    h_n = np.empty((N, H), np.float32)
    for number in range(2):
        half = number * H * both.itemsize
        size = engine.reserve_bytes(
            cell=cell, dtype="float32", hidden_size=H, num_positions=int(given.lengths.sum())
        )
        reserve = np.empty(size, np.uint8)
        common = {
            "reverse": bool(number),
            "input": given.x.ctypes.data,
            "input_stride": I,
            "weight_ih": given.w.weight_ih.ctypes.data,
            "weight_hh": given.w.weight_hh.ctypes.data,
            "h_0": given.h_0.ctypes.data,
            "c_0": given.c_0.ctypes.data if cell == "lstm" else 0,
            "output": both.ctypes.data + half,
            "output_stride": 2 * H,
            "reserve": reserve.ctypes.data,
        }
        c_n = np.empty((N, H), np.float32)
        run_layer(
            engine.ForwardCall(),
            plan,
            **common,
            bias_ih=given.w.bias_ih.ctypes.data,
            bias_hh=given.w.bias_hh.ctypes.data,
            h_n=h_n.ctypes.data,
            c_n=c_n.ctypes.data if cell == "lstm" else 0,
        )
        run_layer(
            engine.BackwardCall(),
            plan,
            **common,
            grad_output=grad_output.ctypes.data + half,
            grad_output_stride=2 * H,
            grad_h_n=given.grad.h_n.ctypes.data,
            grad_c_n=given.grad.c_n.ctypes.data if cell == "lstm" else 0,
            grad_input=grad_input.ctypes.data,
            grad_input_stride=I,
            add_to_grad_input=bool(number),
        )
    assert both[..., :H].tobytes() == wanted[0].tobytes()
    assert both[..., H:].tobytes() == wanted[1].tobytes()
    np.testing.assert_allclose(grad_input, parts[0] + parts[1], rtol=1e-6, atol=1e-7)
