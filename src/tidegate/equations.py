"""Every cell, one step, as the papers write it: the reference that the fast code is tested against.

Plain NumPy in float64, one line an equation, nothing optimised. Shapes are ``x`` (N, I) and ``h``
(N, H); a weight that several gates share stacks them by rows, in PyTorch's order: ``i f g o`` for
the LSTM, ``r z n`` for the GRU. Biases may be left out by passing zeros.

The GRU has two forms that are not the same function, told apart by where the reset gate acts:

    reset "after":   n = tanh(W_n x + b_in + r * (U_n h + b_hn))
    reset "before":  n = tanh(W_n x + b_in + U_n (r * h) + b_hn)

It is also written with two meanings of the update gate, and these are the same function:
PyTorch, Keras and ONNX keep the old state where z is 1, the notebook and Chung et al. 2014 where
it is 0. :func:`notebook_weights` maps one onto the other by negating what feeds z, for
sigmoid(-a) = 1 - sigmoid(a).

Sources: simple RNN, Elman 1990; LSTM with forget gate, Gers et al. 2000; GRU, Cho et al. 2014,
arXiv:1406.1078, v1 for "after" and v3 for "before"; Chung et al. 2014, arXiv:1412.3555.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Weights(NamedTuple):
    """The parameters of one layer and direction, with G gates: G is 1, 4 (LSTM) or 3 (GRU)."""

    weight_ih: Array
    """(G*H, I)"""
    weight_hh: Array
    """(G*H, H)"""
    bias_ih: Array
    """(G*H,)"""
    bias_hh: Array
    """(G*H,)"""


def sigmoid(a: Array) -> Array:
    """1 / (1 + exp(-a)), written so that no exponential overflows."""
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1 / (1 + e), e / (1 + e))


def rnn_step(
    x: Array, h: Array, w: Weights, nonlinearity: Literal["tanh", "relu"] = "tanh"
) -> Array:
    """The simple RNN: the state after reading ``x``."""
    a = x @ w.weight_ih.T + w.bias_ih + h @ w.weight_hh.T + w.bias_hh
    if nonlinearity == "tanh":
        return np.tanh(a)
    if nonlinearity == "relu":
        return np.maximum(a, 0)
    raise ValueError(f"rnn_step: expected nonlinearity 'tanh' or 'relu', got {nonlinearity!r}")


def lstm_step(x: Array, h: Array, c: Array, w: Weights) -> tuple[Array, Array]:
    """The LSTM: the output state h and the cell state c after reading ``x``."""
    W_i, W_f, W_g, W_o = np.split(w.weight_ih, 4)
    U_i, U_f, U_g, U_o = np.split(w.weight_hh, 4)
    b_i, b_f, b_g, b_o = np.split(w.bias_ih + w.bias_hh, 4)

    i = sigmoid(x @ W_i.T + h @ U_i.T + b_i)
    f = sigmoid(x @ W_f.T + h @ U_f.T + b_f)
    g = np.tanh(x @ W_g.T + h @ U_g.T + b_g)
    o = sigmoid(x @ W_o.T + h @ U_o.T + b_o)
    c = f * c + i * g
    return o * np.tanh(c), c


def gru_step(x: Array, h: Array, w: Weights, reset: Literal["after", "before"]) -> Array:
    """The GRU in PyTorch's convention (z keeps): the state after reading ``x``."""
    W_r, W_z, W_n = np.split(w.weight_ih, 3)
    U_r, U_z, U_n = np.split(w.weight_hh, 3)
    b_ir, b_iz, b_in = np.split(w.bias_ih, 3)
    b_hr, b_hz, b_hn = np.split(w.bias_hh, 3)

    r = sigmoid(x @ W_r.T + b_ir + h @ U_r.T + b_hr)
    z = sigmoid(x @ W_z.T + b_iz + h @ U_z.T + b_hz)
    if reset == "after":
        n = np.tanh(x @ W_n.T + b_in + r * (h @ U_n.T + b_hn))
    elif reset == "before":
        n = np.tanh(x @ W_n.T + b_in + (r * h) @ U_n.T + b_hn)
    else:
        raise ValueError(f"gru_step: expected reset of 'after' or 'before', got {reset!r}")
    return (1 - z) * n + z * h


class NotebookWeights(NamedTuple):
    """The GRU's parameters under the notebook's letters, with the biases that it leaves out."""

    W_z: Array
    U_z: Array
    b_z: Array
    W_r: Array
    U_r: Array
    b_r: Array
    W_h: Array
    U_h: Array
    b_h: Array


def notebook_step(x: Array, h: Array, w: NotebookWeights) -> Array:
    """The GRU exactly as the notebook writes it: reset before, and z lets the new state in."""
    z = sigmoid(x @ w.W_z.T + h @ w.U_z.T + w.b_z)
    r = sigmoid(x @ w.W_r.T + h @ w.U_r.T + w.b_r)
    h_tilde = np.tanh(x @ w.W_h.T + (r * h) @ w.U_h.T + w.b_h)
    return (1 - z) * h + z * h_tilde


def notebook_weights(w: Weights) -> NotebookWeights:
    """The notebook's weights of the very cell that ``gru_step(..., reset="before")`` computes."""
    W_r, W_z, W_n = np.split(w.weight_ih, 3)
    U_r, U_z, U_n = np.split(w.weight_hh, 3)
    b_r, b_z, b_n = np.split(w.bias_ih + w.bias_hh, 3)
    return NotebookWeights(-W_z, -U_z, -b_z, W_r, U_r, b_r, W_n, U_n, b_n)
