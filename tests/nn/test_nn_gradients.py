"""Gradients: by differences, of second order, of some parameters alone, and when to refuse."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import tidegate.nn as tn
from nn_samples import LAYERS, H, I, T, call, flatten, inputs, offsets_of
from tidegate.equations import Weights, gru_step

GRID = pytest.mark.parametrize("name", LAYERS)
WAYS = pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])


def small(name, **options):
    """A layer of 2 units that reads 3 features, and the arguments of a check over 3 rows."""
    torch.manual_seed(0)
    layer = LAYERS[name](3, 2, dtype=torch.float64, **options)
    x = torch.randn(3, 3, 3, dtype=torch.float64, requires_grad=True)
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    states = [
        torch.randn(rows, 3, 2, dtype=torch.float64, requires_grad=True)
        for _ in range(2 if name == "lstm" else 1)
    ]
    return layer, (x, *states, *layer.parameters())


# Of the rows of small(): all steps, lengths beside a padded input, offsets beside a flat one.
SOME = [2, 0, 3]
BATCHES = {"full": {}, "lengths": {"lengths": SOME}, "ragged": {"offsets": offsets_of(SOME)}}


# Of the engine, every element of the Jacobian is checked; of the composite, whose gradients are
# autograd's own and ten times as slow, a product of it with random vectors (fast_mode).


def as_function(layer, batch):
    """The layer as a function of everything that it reads."""
    names = [name for name, _ in layer.named_parameters()]
    num_states = 2 if layer.mode == "LSTM" else 1

    def run(x, *rest):
        if batch == "ragged":
            x = flatten(x, SOME)
        states, weights = rest[:num_states], rest[num_states:]
        output, finals = torch.func.functional_call(
            layer,
            dict(zip(names, weights, strict=True)),
            (x, states if num_states == 2 else states[0]),
            BATCHES[batch],
        )
        return output, *(finals if num_states == 2 else (finals,))

    return run


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("num_layers", [1, 2])
@WAYS
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@GRID
def test_gradients_are_differences(name, bias, bidirectional, num_layers, batch, path):
    layer, arguments = small(name, bias=bias, bidirectional=bidirectional, num_layers=num_layers)
    assert gradcheck(as_function(layer, batch), arguments, fast_mode=path == "composite")


@pytest.mark.parametrize("batch", BATCHES)
@WAYS
@GRID
def test_second_gradients_are_differences(name, bidirectional, batch, path):
    layer, arguments = small(name, bidirectional=bidirectional)
    assert gradgradcheck(as_function(layer, batch), arguments, fast_mode=path == "composite")


def test_a_gradient_penalty_is_the_composites(monkeypatch):
    """First and second derivatives in one step, as in a penalty on the gradient's norm."""
    layer = tn.GRU(I, H, num_layers=2, dtype=torch.float64)
    data, states = inputs("time", layer)

    def step():
        layer.zero_grad()
        output = call(layer, "time", data, states)[0]
        (slope,) = torch.autograd.grad(output.square().sum(), data, create_graph=True)
        (output.sum() + slope.square().sum()).backward()
        return [p.grad.clone() for p in layer.parameters()]

    found = step()
    monkeypatch.setattr("tidegate.nn._path.MISSING", "a test")
    monkeypatch.setattr("tidegate.nn._path._has_warned", True)
    for a, b in zip(found, step(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("results", [[0], [1], [-1], [0, -1]], ids=str)
@WAYS
@GRID
def test_any_results_may_lack_a_gradient(name, bidirectional, results, path):
    """The gradient of some results is the gradient of all with zeros for the rest."""
    layer = LAYERS[name](I, H, bidirectional=bidirectional, dtype=torch.float64)
    data, states = inputs("time", layer)
    targets = [data, *layer.parameters()]
    outcome = call(layer, "time", data, states, lengths=[3, 6, 0, 5])
    total = sum(outcome[i].sin().sum() for i in results)
    found = torch.autograd.grad(total, targets)
    outcome = call(layer, "time", data, states, lengths=[3, 6, 0, 5])
    kept = {i % len(outcome) for i in results}
    total = sum(r.sin().sum() * (i in kept) for i, r in enumerate(outcome))
    for a, b in zip(found, torch.autograd.grad(total, targets), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-13, atol=1e-15)


@GRID
def test_frozen_parameters_change_no_other_gradient(name, path):
    layer = LAYERS[name](I, H, num_layers=2, bidirectional=True, dtype=torch.float64)
    data, states = inputs("time", layer)
    parameters = list(layer.parameters())
    call(layer, "time", data, states)[0].sin().sum().backward()
    expected = [p.grad for p in parameters]
    for frozen in range(len(parameters)):
        layer.zero_grad()
        for i, p in enumerate(parameters):
            p.requires_grad_(i != frozen)
        call(layer, "time", data.detach(), None if states is None else states)[
            0
        ].sin().sum().backward()
        assert parameters[frozen].grad is None
        for i, p in enumerate(parameters):
            if i != frozen:
                torch.testing.assert_close(p.grad, expected[i], rtol=1e-12, atol=1e-14)
    for i, p in enumerate(parameters):
        p.requires_grad_(i == 0)
    layer.zero_grad()
    layer(data.detach(), tuple(s.detach() for s in states) if name == "lstm" else states.detach())[
        0
    ].sin().sum().backward()
    torch.testing.assert_close(parameters[0].grad, expected[0], rtol=1e-12, atol=1e-14)


def test_a_weight_changed_before_backward_is_refused(path):
    layer = tn.GRU(I, H)
    output, _ = layer(torch.ones(T, 2, I))
    with torch.no_grad():
        layer.weight_hh_l0.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_backward_twice_gives_the_same(path):
    layer = tn.LSTM(I, H, bidirectional=True)
    output, _ = layer(torch.ones(T, 2, I))
    first = torch.autograd.grad(output.sin().sum(), list(layer.parameters()), retain_graph=True)
    second = torch.autograd.grad(output.sin().sum(), list(layer.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_saved_tensors_may_be_kept_elsewhere(path):
    layer = tn.GRU(I, H)
    x = torch.randn(T, 2, I)
    layer(x)[0].sin().sum().backward()
    expected = layer.weight_hh_l0.grad.clone()
    layer.zero_grad()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t.clone()):
        output = layer(x)[0]
    output.sin().sum().backward()
    assert torch.equal(layer.weight_hh_l0.grad, expected)
    layer.zero_grad()
    kept = torch.utils.checkpoint.checkpoint(lambda x: layer(x)[0], x, use_reentrant=False)
    kept.sin().sum().backward()
    assert torch.equal(layer.weight_hh_l0.grad, expected)


def test_reset_before_has_the_gradients_of_its_equations(path):
    """Central differences of the float64 reference, for every parameter, the input and h_0."""
    torch.manual_seed(5)
    layer = tn.GRU(3, 4, reset="before", dtype=torch.float64)
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(5, 2, 3))).requires_grad_()
    h_0 = torch.from_numpy(rng.normal(size=(1, 2, 4))).requires_grad_()
    outer = rng.normal(size=(5, 2, 4))

    output, _ = layer(x, h_0)
    (output * torch.from_numpy(outer)).sum().backward()
    tensors = [*layer.parameters(), x, h_0]
    values = [tensor.detach().numpy().copy() for tensor in tensors]

    def loss():
        *w, data, states = values
        h, total = states[0], 0.0
        for t in range(5):
            h = gru_step(data[t], h, Weights(*w), "before")
            total += float((h * outer[t]).sum())
        return total

    eps = 1e-6
    for tensor, value in zip(tensors, values, strict=True):
        expected = np.zeros_like(value)
        for index in np.ndindex(value.shape):
            kept = value[index]
            value[index] = kept + eps
            above = loss()
            value[index] = kept - eps
            expected[index] = (above - loss()) / (2 * eps)
            value[index] = kept
        # Central differences: error of order eps^2 plus rounding of about 1e-16 / eps.
        np.testing.assert_allclose(tensor.grad.numpy(), expected, rtol=1e-6, atol=1e-8)
