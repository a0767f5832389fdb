"""The reference: the layers that train equal it, and the GRU's two notations are one cell."""

from functools import partial

import numpy as np
import pytest
import torch

from tidegate.equations import (
    Weights,
    gru_step,
    lstm_step,
    notebook_step,
    notebook_weights,
    rnn_step,
    sigmoid,
)
from tidegate.nn import GRU, LSTM, RNN

T, N, I, H = 7, 3, 5, 4
# A few units in the last place of float64, over T steps.
TOLERANCE = {"rtol": 1e-12, "atol": 1e-14}


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def weights_of(layer):
    return Weights(
        *(
            getattr(layer, f"{name}_l0").detach().numpy()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
    )


def random_weights(rng, gates):
    shapes = [(gates * H, I), (gates * H, H), (gates * H,), (gates * H,)]
    return Weights(*(rng.normal(size=shape) for shape in shapes))


STEPS = {
    "rnn": (RNN, rnn_step),
    "gru": (GRU, lambda x, h, w: gru_step(x, h, w, "after")),
    "gru-before": (partial(GRU, reset="before"), lambda x, h, w: gru_step(x, h, w, "before")),
}


@pytest.mark.parametrize("cell", STEPS)
def test_a_layer_equals_its_equation_at_every_step(cell, rng, path):
    torch.manual_seed(3)
    make, step = STEPS[cell]
    layer = make(I, H).double()
    x, h = rng.normal(size=(T, N, I)), rng.normal(size=(N, H))
    output, h_n = layer(torch.from_numpy(x), torch.from_numpy(h)[None])
    for t in range(T):
        h = step(x[t], h, weights_of(layer))
        np.testing.assert_allclose(output[t].detach().numpy(), h, **TOLERANCE)
    np.testing.assert_allclose(h_n[0].detach().numpy(), h, **TOLERANCE)


def test_the_lstm_equals_its_equation_at_every_step(rng, path):
    torch.manual_seed(3)
    layer = LSTM(I, H).double()
    x, h, c = rng.normal(size=(T, N, I)), rng.normal(size=(N, H)), rng.normal(size=(N, H))
    output, (_, c_n) = layer(torch.from_numpy(x), (torch.tensor(h)[None], torch.tensor(c)[None]))
    for t in range(T):
        h, c = lstm_step(x[t], h, c, weights_of(layer))
        np.testing.assert_allclose(output[t].detach().numpy(), h, **TOLERANCE)
    np.testing.assert_allclose(c_n[0].detach().numpy(), c, **TOLERANCE)


def test_the_notebooks_gru_is_pytorchs_with_z_negated(rng):
    w = random_weights(rng, 3)
    h = k = rng.normal(size=(N, H))
    for x in rng.normal(size=(T, N, I)):
        h = gru_step(x, h, w, "before")
        k = notebook_step(x, k, notebook_weights(w))
        np.testing.assert_allclose(k, h, **TOLERANCE)


def test_without_negating_z_the_two_notations_differ(rng):
    w = random_weights(rng, 3)
    x, h = rng.normal(size=(N, I)), rng.normal(size=(N, H))
    mapped = notebook_weights(w)
    unmapped = mapped._replace(W_z=-mapped.W_z, U_z=-mapped.U_z, b_z=-mapped.b_z)
    assert np.abs(notebook_step(x, h, unmapped) - gru_step(x, h, w, "before")).max() > 0.1


def test_reset_before_and_reset_after_are_two_functions(rng):
    w = random_weights(rng, 3)
    x, h = rng.normal(size=(N, I)), rng.normal(size=(N, H))
    assert np.abs(gru_step(x, h, w, "before") - gru_step(x, h, w, "after")).max() > 0.05


def test_one_step_of_the_notebooks_gru_by_hand():
    # One unit, one feature: every number below is worked out from the notebook's four lines.
    def one(value):
        return np.array([[value]])

    w = notebook_weights(
        Weights(
            weight_ih=np.array([[0.5], [-1.0], [2.0]]),  # r, z, n
            weight_hh=np.array([[1.0], [0.25], [-0.5]]),
            bias_ih=np.zeros(3),
            bias_hh=np.zeros(3),
        )
    )
    # x = 1, h = 0.4: z = s(1 - 0.1) = 0.710950, r = s(0.5 + 0.4) = 0.710950,
    # h~ = tanh(2 - 0.5 * 0.710950 * 0.4) = tanh(1.857810) = 0.952476,
    # h = 0.289050 * 0.4 + 0.710950 * 0.952476 = 0.792783.
    np.testing.assert_allclose(notebook_step(one(1.0), one(0.4), w), one(0.792783), atol=1e-6)


def test_sigmoid_at_its_ends():
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        values = sigmoid(np.array([-800.0, -1.0, 0.0, 1.0, 800.0]))
    np.testing.assert_allclose(values, [0, 0.2689414213699951, 0.5, 0.7310585786300049, 1])


def test_another_reset_is_refused(rng):
    with pytest.raises(ValueError, match="'after' or 'before', got 'v3'"):
        gru_step(np.zeros((N, I)), np.zeros((N, H)), random_weights(rng, 3), "v3")
