"""Every cell as a loop of torch operations: slow, for any device and dtype, differentiable twice.

It serves what the engine does not, and proves what the engine does. Nothing is fused or stored by
hand: each step reads as its equation (:mod:`tidegate.equations`), with PyTorch's names.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear

from tidegate.nn._layout import Layout, steps_of


class Weights(NamedTuple):
    """The parameters of one layer and direction, with G gates."""

    ih: Tensor
    """(G*H, I)"""
    hh: Tensor
    """(G*H, H), or (G*H, P) with a projection"""
    bias_ih: Tensor | None
    """(G*H,)"""
    bias_hh: Tensor | None
    """(G*H,)"""
    hr: Tensor | None = None
    """The projection of the LSTM's output, (P, H)."""


State = tuple[Tensor, ...]
"""(h,), or (h, c) for the LSTM; (N, H) each."""


def _rnn_tanh(x: Tensor, state: State, w: Weights) -> State:
    return (torch.tanh(x + linear(state[0], w.hh, w.bias_hh)),)


def _rnn_relu(x: Tensor, state: State, w: Weights) -> State:
    return (torch.relu(x + linear(state[0], w.hh, w.bias_hh)),)


def _lstm(x: Tensor, state: State, w: Weights) -> State:
    h, c = state
    i, f, g, o = (x + linear(h, w.hh, w.bias_hh)).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return (h if w.hr is None else linear(h, w.hr), c)


def _gru_after(x: Tensor, state: State, w: Weights) -> State:
    (h,) = state
    x_r, x_z, x_n = x.chunk(3, 1)
    u_r, u_z, u_n = linear(h, w.hh, w.bias_hh).chunk(3, 1)
    r, z = torch.sigmoid(x_r + u_r), torch.sigmoid(x_z + u_z)
    n = torch.tanh(x_n + r * u_n)
    return (n + z * (h - n),)


def _gru_before(x: Tensor, state: State, w: Weights) -> State:
    (h,) = state
    H = h.size(1)
    x_rz, x_n = x.split([2 * H, H], 1)
    U_rz, U_n = w.hh.split([2 * H, H])
    b_rz, b_n = (None, None) if w.bias_hh is None else w.bias_hh.split([2 * H, H])
    r, z = torch.sigmoid(x_rz + linear(h, U_rz, b_rz)).chunk(2, 1)
    n = torch.tanh(x_n + linear(r * h, U_n, b_n))
    return (n + z * (h - n),)


STEPS: dict[str, Callable[[Tensor, State, Weights], State]] = {
    "rnn_tanh": _rnn_tanh,
    "rnn_relu": _rnn_relu,
    "lstm": _lstm,
    "gru_after": _gru_after,
    "gru_before": _gru_before,
}
"""``STEPS[cell](x, state, weights)``: the state after a step; x is W_ih x + b_ih, (N, G*H)."""


def layer(
    cell: str, data: Tensor, states: State | None, weights: list[Weights], layout: Layout
) -> tuple[Tensor, State]:
    """Run one layer in all its directions.

    Args:
        cell: A key of :data:`STEPS`.
        data: The sequences, arranged by ``layout``.
        states: The initial states, (D, N, H) each, or (N, H) for a step; zeros when left out.
        weights: The parameters of every direction.
        layout: Where what stands.

    Returns:
        The outputs of all directions side by side, arranged by ``layout``, and the final states.
    """
    if layout.kind == "step":
        (w,) = weights
        product = linear(data, w.ih, w.bias_ih)
        final = STEPS[cell](product, zeros(cell, data, w) if states is None else states, w)
        return final[0], final
    steps, lengths = layout.to_steps(data)
    mask = None
    if lengths is not None:
        mask = steps_of(lengths, steps.size(0)).unsqueeze(2).to(steps.device)
        # What stands past a row's end is never read: not even a NaN could reach a gradient.
        steps = torch.where(mask, steps, steps.new_zeros(()))
    outputs, finals = [], []
    for direction, w in enumerate(weights):
        initial = zeros(cell, steps, w) if states is None else tuple(s[direction] for s in states)
        output, final = _direction(cell, steps, initial, w, mask, is_reverse=direction == 1)
        outputs.append(output)
        finals.append(final)
    joined = outputs[0] if len(outputs) == 1 else torch.cat(outputs, 2)
    final_states = tuple(torch.stack(parts) for parts in zip(*finals, strict=True))
    return layout.from_steps(joined, lengths), final_states


def zeros(cell: str, input: Tensor, w: Weights) -> State:
    """The initial state where none is given, for the batch of ``input``, (..., N, I)."""
    N = input.size(-2)
    h = input.new_zeros((N, w.hh.size(1)))
    return (h, input.new_zeros((N, w.hh.size(0) // 4))) if cell == "lstm" else (h,)


def _direction(
    cell: str, steps: Tensor, state: State, w: Weights, mask: Tensor | None, *, is_reverse: bool
) -> tuple[Tensor, State]:
    """Run over (T, N, I), from the end where ``is_reverse``; mask (T, N, 1) tells steps that are.

    A row's state stays as it is where the row has no step, so that the backward direction starts
    at each row's own end and the final state is the one at the true end.
    """
    T = steps.size(0)
    products = linear(steps, w.ih, w.bias_ih)
    outputs: list[Tensor] = []
    for t in reversed(range(T)) if is_reverse else range(T):
        new = STEPS[cell](products[t], state, w)
        if mask is None:
            outputs.append(new[0])
            state = new
        else:
            outputs.append(torch.where(mask[t], new[0], new[0].new_zeros(())))
            state = tuple(torch.where(mask[t], a, b) for a, b in zip(new, state, strict=True))
    if not outputs:
        return products[:, :, : state[0].size(1)], state  # empty, and part of the graph
    return torch.stack(outputs[::-1] if is_reverse else outputs), state
