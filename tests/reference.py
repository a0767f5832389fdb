"""One layer in one direction over a whole batch, forward and backward, as readable NumPy.

Built on the steps of :mod:`tidegate.equations`; works in the precision of what it is given:
float64 as the truth for float32 kernels, ``np.longdouble`` as the truth for float64 kernels. Test
``test_engine_reference.py`` proves the backward pass by central differences.

Shapes: ``x`` (T, N, I), states (N, H), outputs (T, N, H), gate order as in PyTorch. ``cell`` is a
name of the engine's: rnn_tanh, rnn_relu, lstm, gru_after, gru_before.
"""

from typing import NamedTuple

import numpy as np

from tidegate.equations import Weights, gru_step, lstm_step, rnn_step, sigmoid

GATES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru_after": 3, "gru_before": 3}


class Result(NamedTuple):
    """What a layer computes; ``c_n`` stays zero but for the LSTM."""

    output: np.ndarray
    h_n: np.ndarray
    c_n: np.ndarray


class Gradients(NamedTuple):
    """The derivatives of one number with respect to everything a layer reads."""

    x: np.ndarray
    h_0: np.ndarray
    c_0: np.ndarray
    weight_ih: np.ndarray
    weight_hh: np.ndarray
    bias_ih: np.ndarray
    bias_hh: np.ndarray


def step(cell, x, h, c, w):
    """One step of any cell: the next h and c."""
    if cell == "lstm":
        return lstm_step(x, h, c, w)
    if cell.startswith("gru_"):
        return gru_step(x, h, w, cell.removeprefix("gru_")), c
    return rnn_step(x, h, w, cell.removeprefix("rnn_")), c


def _steps(num_steps, reverse):
    return range(num_steps - 1, -1, -1) if reverse else range(num_steps)


def forward(cell, x, w, h_0, c_0, lengths, reverse=False):
    """The whole layer; a row has ``lengths[n]`` steps and outputs 0 past them."""
    h, c = h_0, c_0
    output = np.zeros((*x.shape[:2], h.shape[1]), x.dtype)
    for t in _steps(len(x), reverse):
        alive = (t < lengths)[:, None]
        h_next, c_next = step(cell, x[t], h, c, w)
        h, c = np.where(alive, h_next, h), np.where(alive, c_next, c)
        output[t] = np.where(alive, h, 0)
    return Result(output, h, c)


def backward(cell, x, w, h_0, c_0, lengths, grad, reverse=False):
    """Gradients of sum(grad.output * output) + sum(grad.h_n * h_n) + sum(grad.c_n * c_n)."""
    states, h, c = {}, h_0, c_0
    for t in _steps(len(x), reverse):
        states[t] = h, c
        alive = (t < lengths)[:, None]
        h_next, c_next = step(cell, x[t], h, c, w)
        h, c = np.where(alive, h_next, h), np.where(alive, c_next, c)

    dx = np.zeros_like(x)
    dw = Weights(*(np.zeros_like(value) for value in w))
    dh, dc = grad.h_n, grad.c_n
    for t in _steps(len(x), not reverse):
        alive = (t < lengths)[:, None]
        # A row that is over takes no part: nothing comes in, and its state's gradient waits.
        into_h = np.where(alive, dh + grad.output[t], 0)
        into_c = np.where(alive, dc, 0)
        dx[t], dh_before, dc_before, dw_step = _step_backward(
            cell, x[t], *states[t], w, into_h, into_c
        )
        dh, dc = np.where(alive, dh_before, dh), np.where(alive, dc_before, dc)
        dw = Weights(*(a + b for a, b in zip(dw, dw_step, strict=True)))
    return Gradients(dx, dh, dc, *dw)


def _step_backward(cell, x, h, c, w, dh, dc):
    """From the gradients of one step's results to those of x, h, c and the weights."""
    pre_ih = x @ w.weight_ih.T + w.bias_ih
    pre_hh = h @ w.weight_hh.T + w.bias_hh
    # d_ih and d_hh are the gradients of the two products' results.
    if cell == "lstm":
        i, f, g, o = np.split(pre_ih + pre_hh, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        tanh_c = np.tanh(f * c + i * g)
        dc = dc + dh * o * (1 - tanh_c**2)
        d_ih = np.concatenate(
            [
                dc * g * i * (1 - i),
                dc * c * f * (1 - f),
                dc * i * (1 - g**2),
                dh * tanh_c * o * (1 - o),
            ],
            axis=1,
        )
        return _through_products(x, h, w, d_ih, d_ih, 0, dc * f)
    if cell == "gru_after":
        (i_r, i_z, i_n), (h_r, h_z, h_n) = np.split(pre_ih, 3, axis=1), np.split(pre_hh, 3, axis=1)
        r, z = sigmoid(i_r + h_r), sigmoid(i_z + h_z)
        n = np.tanh(i_n + r * h_n)
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (h - n) * z * (1 - z)
        dr = dn * h_n * r * (1 - r)
        d_ih = np.concatenate([dr, dz, dn], axis=1)
        d_hh = np.concatenate([dr, dz, dn * r], axis=1)
        return _through_products(x, h, w, d_ih, d_hh, dh * z, dc)
    if cell == "gru_before":
        U_n = np.split(w.weight_hh, 3)[2]
        b_n = np.split(w.bias_hh, 3)[2]
        (i_r, i_z, i_n), (h_r, h_z, _) = np.split(pre_ih, 3, axis=1), np.split(pre_hh, 3, axis=1)
        r, z = sigmoid(i_r + h_r), sigmoid(i_z + h_z)
        n = np.tanh(i_n + (r * h) @ U_n.T + b_n)
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (h - n) * z * (1 - z)
        d_reset = dn @ U_n
        dr = d_reset * h * r * (1 - r)
        d_ih = np.concatenate([dr, dz, dn], axis=1)
        d_hh = np.concatenate([dr, dz, np.zeros_like(dn)], axis=1)
        dx, dh_before, dc, dw = _through_products(x, h, w, d_ih, d_hh, dh * z + d_reset * r, dc)
        # The candidate's product reads r * h instead of h.
        H = h.shape[1]
        dw.weight_hh[2 * H :] = dn.T @ (r * h)
        dw.bias_hh[2 * H :] = dn.sum(axis=0)
        return dx, dh_before, dc, dw
    a = pre_ih + pre_hh
    # As torch has it, relu's slope is 0 at 0 and 1 at NaN.
    slope = 1 - np.tanh(a) ** 2 if cell == "rnn_tanh" else (~(a <= 0)).astype(a.dtype)
    return _through_products(x, h, w, dh * slope, dh * slope, 0, dc)


def _through_products(x, h, w, d_ih, d_hh, dh_direct, dc):
    """Through W x + b and U h + b; ``dh_direct`` is what reaches h past the products."""
    dw = Weights(d_ih.T @ x, d_hh.T @ h, d_ih.sum(axis=0), d_hh.sum(axis=0))
    return d_ih @ w.weight_ih, d_hh @ w.weight_hh + dh_direct, dc, dw
