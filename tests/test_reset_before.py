"""The reset-before GRU: its gradient, and what its callers may pass."""

import numpy as np
import pytest
import torch
from torch import nn

from tidegate.equations import Weights, gru_step
from tidegate.nn import GRUResetBefore

T, N, I, H = 5, 2, 3, 4


@pytest.fixture
def layer():
    torch.manual_seed(5)
    return GRUResetBefore(I, H).double()


def test_gradients_equal_differences_of_the_equations(layer):
    """Central differences of the float64 reference, for every parameter, the input and h_0."""
    rng = np.random.default_rng(0)
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    x = torch.from_numpy(rng.normal(size=(T, N, I))).requires_grad_()
    h_0 = torch.from_numpy(rng.normal(size=(1, N, H))).requires_grad_()
    outer = rng.normal(size=(T, N, H))

    output, _ = layer(x, h_0)
    (output * torch.from_numpy(outer)).sum().backward()
    tensors = [*(getattr(layer, name) for name in names), x, h_0]
    values = [tensor.detach().numpy().copy() for tensor in tensors]

    def loss():
        *w, inputs, states = values
        h, total = states[0], 0.0
        for t in range(T):
            h = gru_step(inputs[t], h, Weights(*w), "before")
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


def test_batch_first_only_turns_the_axes(layer):
    turned = GRUResetBefore(I, H, batch_first=True).double()
    turned.load_state_dict(layer.state_dict())
    x = torch.randn(T, N, I, dtype=torch.float64)
    output, h_n = layer(x)
    output_turned, h_n_turned = turned(x.transpose(0, 1))
    torch.testing.assert_close(output_turned.transpose(0, 1), output, rtol=0, atol=0)
    torch.testing.assert_close(h_n_turned, h_n, rtol=0, atol=0)


def test_a_cut_sequence_goes_on_where_it_stopped(layer):
    x = torch.randn(T, N, I, dtype=torch.float64)
    whole, h_n = layer(x)
    first, h = layer(x[:2])
    second, h = layer(x[2:], h)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(h, h_n, rtol=1e-13, atol=1e-15)


def test_no_steps_leave_the_state(layer):
    h_0 = torch.randn(1, N, H, dtype=torch.float64)
    output, h_n = layer(torch.zeros(0, N, I, dtype=torch.float64), h_0)
    assert output.shape == (0, N, H)
    assert torch.equal(h_n, h_0)


def test_parameters_are_named_and_shaped_as_torchs(layer):
    twin = nn.GRU(I, H)
    assert {k: v.shape for k, v in layer.state_dict().items()} == {
        k: v.shape for k, v in twin.state_dict().items()
    }
    assert repr(layer) == "GRUResetBefore(3, 4)"


@pytest.mark.parametrize(
    ("input_shape", "state_shape", "message"),
    [
        ((T, N, I + 1), None, r"the last of I = 3, got \(5, 2, 4\)"),
        ((N, I), None, r"expected input of 3 dimensions.*got \(2, 3\)"),
        ((T, N, I), (1, N + 1, H), r"\(1, N, H\) = \(1, 2, 4\), got \(1, 3, 4\)"),
    ],
    ids=["input size", "rank", "state"],
)
def test_sizes_that_do_not_fit_are_refused(layer, input_shape, state_shape, message):
    hx = None if state_shape is None else torch.zeros(state_shape, dtype=torch.float64)
    with pytest.raises(RuntimeError, match=message):
        layer(torch.zeros(input_shape, dtype=torch.float64), hx)
