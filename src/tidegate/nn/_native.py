"""A layer as PyTorch's own operator, for tools that cannot follow a loop of steps.

``torch.jit.trace`` and the exporter to ONNX that is built on it would write down as many steps as
their example has. Weights of ``call_for_per_sample_grads`` know PyTorch's operators alone.
"""

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import _VF, Tensor

from tidegate.nn import _graphs
from tidegate.nn._composite import State, Weights
from tidegate.nn._layout import Layout

_OPERATORS: dict[str, Callable[..., Any]] = {
    "rnn_tanh": _VF.rnn_tanh,
    "rnn_relu": _VF.rnn_relu,
    "lstm": _VF.lstm,
    "gru_after": _VF.gru,
}


def are_expanded(*tensors: Tensor | None) -> bool:
    """Whether there are weights of ``torch.nn.utils._per_sample_grad`` among the tensors."""
    module = sys.modules.get("torch.nn.utils._expanded_weights.expanded_weights_impl")
    return module is not None and any(isinstance(t, module.ExpandedWeight) for t in tensors)


def is_needed(weights: list[Weights], layout: Layout) -> bool:
    """Whether a loop of torch operations would be wrong, or fail."""
    # A step alone is no loop.
    if _graphs.are_traced() and layout.kind != "step":
        return True
    return not torch.compiler.is_compiling() and are_expanded(*weights[0])


def layer(
    cell: str, data: Tensor, states: State | None, weights: list[Weights], layout: Layout
) -> tuple[Tensor, State]:
    """As :func:`tidegate.nn._composite.layer`.

    Raises:
        RuntimeError: PyTorch has no such layer.
    """
    _refuse_what_torch_has_not(cell, layout)
    if states is None:
        states = _zeros(data, weights, layout, cell)
    flat = [tensor for w in weights for tensor in w if tensor is not None]
    hx = states if cell == "lstm" else states[0]
    has_biases = weights[0].bias_ih is not None
    # One layer, no dropout, and as in training, so that it has gradients everywhere.
    options = (has_biases, 1, 0.0, True, len(weights) == 2)
    if layout.batch_sizes is not None:
        output, *finals = _OPERATORS[cell](data, layout.batch_sizes, hx, flat, *options)
    else:
        output, *finals = _OPERATORS[cell](data, hx, flat, *options, layout.kind == "batch")
    return output, tuple(finals)


def _zeros(data: Tensor, weights: list[Weights], layout: Layout, cell: str) -> State:
    weight_ih, weight_hh, weight_hr = weights[0].ih, weights[0].hh, weights[0].hr
    D, N = len(weights), layout.N
    h_0 = data.new_zeros((D, N, weight_hh.shape[1]))
    if cell != "lstm":
        return (h_0,)
    return h_0, h_0 if weight_hr is None else data.new_zeros((D, N, weight_ih.shape[0] // 4))


def _refuse_what_torch_has_not(cell: str, layout: Layout) -> None:
    if torch.onnx.is_in_onnx_export():
        what, way = "an export to ONNX with dynamo=False", "export it with dynamo=True"
    elif _graphs.are_traced():
        what, way = "torch.jit.trace, off the engine", "use torch.export"
    else:
        what, way = "call_for_per_sample_grads", "use torch.func.vmap over torch.func.grad"
    if cell not in _OPERATORS:
        raise RuntimeError(
            f"GRU: expected reset='after' for {what}, for PyTorch has no other, got "
            f"reset='before'; {way}"
        )
    if layout.lengths is not None:
        name = "lengths" if layout.offsets is None else "offsets"
        raise RuntimeError(
            f"{cell}: expected a batch without {name} for {what}, got {name}; pack the batch with "
            f"torch.nn.utils.rnn.pack_padded_sequence, or {way}"
        )
