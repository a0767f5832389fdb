"""The reference layer itself: its backward pass against differences, its forward against rows."""

import numpy as np
import pytest

import reference
from tidegate.equations import Weights

T, N, I, H = 4, 3, 2, 3
LENGTHS = np.array([2, 4, 0])


def arguments(cell, seed=7):
    rng = np.random.default_rng(seed)
    gates = reference.GATES[cell] * H
    w = Weights(*(rng.normal(size=s) for s in [(gates, I), (gates, H), (gates,), (gates,)]))
    x, h_0, c_0 = rng.normal(size=(T, N, I)), rng.normal(size=(N, H)), rng.normal(size=(N, H))
    grad = reference.Result(*(rng.normal(size=s) for s in [(T, N, H), (N, H), (N, H)]))
    return x, w, h_0, c_0, grad


@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("cell", reference.GATES)
def test_gradients_equal_central_differences(cell, reverse):
    x, w, h_0, c_0, grad = arguments(cell)
    found = reference.backward(cell, x, w, h_0, c_0, LENGTHS, grad, reverse)

    def loss():
        result = reference.forward(cell, x, w, h_0, c_0, LENGTHS, reverse)
        return sum(np.sum(a * b) for a, b in zip(grad, result, strict=True))

    eps = 1e-6
    for value, gradient in zip((x, h_0, c_0, *w), found, strict=True):
        expected = np.zeros_like(value)
        for index in np.ndindex(value.shape):
            kept = value[index]
            value[index] = kept + eps
            above = loss()
            value[index] = kept - eps
            expected[index] = (above - loss()) / (2 * eps)
            value[index] = kept
        # An error of order eps^2 plus rounding of about 1e-16 / eps.
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("cell", reference.GATES)
def test_a_ragged_batch_is_its_rows_each_by_itself(cell):
    x, w, h_0, c_0, _ = arguments(cell)
    whole = reference.forward(cell, x, w, h_0, c_0, LENGTHS, reverse=True)
    for n, length in enumerate(LENGTHS):
        h, c = h_0[n : n + 1], c_0[n : n + 1]
        for t in range(length - 1, -1, -1):
            h, c = reference.step(cell, x[t, n : n + 1], h, c, w)
            np.testing.assert_allclose(whole.output[t, n], h[0], rtol=1e-13)
        np.testing.assert_allclose(whole.h_n[n], h[0], rtol=1e-13)
        np.testing.assert_allclose(whole.c_n[n], c[0], rtol=1e-13)
        assert not whole.output[length:, n].any()


def test_the_reference_keeps_the_precision_it_is_given():
    x, w, h_0, c_0, grad = arguments("gru_before")
    wide = [np.asarray(a, np.longdouble) for a in (x, h_0, c_0)]
    w = Weights(*(np.asarray(a, np.longdouble) for a in w))
    result = reference.forward("gru_before", wide[0], w, *wide[1:], LENGTHS)
    assert {a.dtype for a in result} == {np.dtype(np.longdouble)}
    grad = reference.Result(*(np.asarray(a, np.longdouble) for a in grad))
    back = reference.backward("gru_before", wide[0], w, *wide[1:], LENGTHS, grad)
    assert {a.dtype for a in back} == {np.dtype(np.longdouble)}
