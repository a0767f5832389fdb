"""A layer by the engine: a direct call, a node of autograd's graph, or an operator."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function, profiler

from tidegate.nn import _composite, _graphs, _operators, _pointers
from tidegate.nn._composite import State, Weights
from tidegate.nn._layout import Layout, Tokens
from tidegate.nn._memory import dense
from tidegate.nn._pointers import Results, Sources
from tidegate.nn._watch import has_changed, watch


def layer(
    cell: str,
    values: Tensor,
    states: State | None,
    weights: list[Weights],
    layout: Layout,
    tokens: Tokens | None = None,
) -> tuple[Tensor, State]:
    """As :func:`tidegate.nn._composite.layer`; with tokens, ``values`` is the table."""
    h_0 = None if states is None else states[0]
    c_0 = None if states is None or len(states) == 1 else states[1]
    flat = [tensor for w in weights for tensor in w[:4]]
    if _operators.are_needed(values):
        if tokens is not None and tokens.is_sparse:
            # The operator's gradients are dense.
            values, tokens = tokens.embed(values, layout), None
        return _operators.layer(cell, values, h_0, c_0, flat, layout, tokens)
    if torch.is_grad_enabled() and _any_requires_grad(values, h_0, c_0, *flat):
        output, *finals = _apply[cell](cell, layout, tokens, values, h_0, c_0, *flat)
        return output, tuple(finals)
    sources = Sources(values, None if tokens is None else tokens.ids, h_0, c_0, flat)
    if profiler._is_profiler_enabled:
        with profiler.record_function(_NAMES[cell]):
            results = _pointers.forward(cell, sources, layout, training=False)
    else:
        results = _pointers.forward(cell, sources, layout, training=False)
    finals_ = (results.h_n,) if results.c_n is None else (results.h_n, results.c_n)
    return results.output, finals_


def _any_requires_grad(*tensors: Tensor | None) -> bool:
    for tensor in tensors:
        if tensor is not None and tensor.requires_grad:
            return True
    return False


class _Layer(Function):
    """One layer as a node of autograd's graph.

    Where the gradient is to be differentiated again, or comes in batches, it is computed by the
    composite from the tensors that went in, and is exact to any order.

    Ids, lengths and offsets are copied: the caller may fill theirs anew for the next batch, as an
    array of NumPy that autograd does not watch, and backward would find other sizes than forward.

    The output belongs to the caller, who may change it in place: what backward reads is an alias
    that autograd does not watch. Where the output's count of changes shows one, forward runs again.
    """

    @staticmethod
    def forward(
        ctx: Any,
        cell: str,
        layout: Layout,
        tokens: Tokens | None,
        values: Tensor,
        h_0: Tensor | None,
        c_0: Tensor | None,
        *weights: Tensor | None,
    ) -> tuple[Tensor, ...]:
        layout = layout.clone()
        ids = None
        if tokens is not None:
            ids = dense(cell, "ids", tokens.ids).clone()
            tokens = tokens._replace(ids=ids)
        sources = Sources(values, ids, h_0, c_0, weights)
        results = _pointers.forward(cell, sources, layout, training=True)
        ctx.given = cell, layout, tokens, results.max_distinct, results.plan
        ctx.watch = watch(results.output)
        ctx.save_for_backward(values, h_0, c_0, *weights, results.output.data, results.reserve)
        ctx.set_materialize_grads(False)
        if results.c_n is None:
            return results.output, results.h_n
        return results.output, results.h_n, results.c_n

    @staticmethod
    def backward(ctx: Any, *incoming: Tensor | None) -> tuple[Any, ...]:
        cell, layout, tokens, max_distinct, plan = ctx.given
        values, h_0, c_0, *weights, output, reserve = ctx.saved_tensors
        wanted = ctx.needs_input_grad[3:]
        grad_output, grad_h_n, grad_c_n = (*incoming, None)[:3]
        if grad_output is None and grad_h_n is None and grad_c_n is None:
            return (None,) * (3 + len(wanted))
        if torch.is_grad_enabled() or _graphs.have_batched(*incoming):
            tensors = [values, h_0, c_0, *weights]
            return (
                *(None,) * 3,
                *_differentiable(cell, layout, tokens, tensors, incoming, wanted),
            )
        ids = None if tokens is None else tokens.ids
        sources = Sources(values, ids, h_0, c_0, weights)
        if has_changed(ctx.watch):
            output = _pointers.forward(cell, sources, layout, training=True, plan=plan).output
        gradients = _pointers.backward(
            cell,
            sources,
            layout,
            Results(output, output, None, reserve, max_distinct, plan),
            (grad_output, grad_h_n, grad_c_n),
            wanted,
        )
        grad_values = gradients.values
        if tokens is not None and gradients.ids is not None and grad_values is not None:
            grad_values = _pointers.table_gradient(values, tokens, gradients.ids, grad_values)
        return None, None, None, grad_values, gradients.h_0, gradients.c_0, *gradients.weights


# Names of the nodes in profiles and, with "Backward" appended, in autograd's graph.
_NAMES = {
    "rnn_tanh": "TidegateRNN",
    "rnn_relu": "TidegateRNN",
    "lstm": "TidegateLSTM",
    "gru_after": "TidegateGRU",
    "gru_before": "TidegateGRU",
}
_NODES: dict[str, Any] = {name: type(name, (_Layer,), {}) for name in _NAMES.values()}

# Function.apply without what it does for the transforms of torch.func, which never come here: 2 us.
_apply: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    cell: super(Function, _NODES[name]).apply for cell, name in _NAMES.items()
}


def _differentiable(
    cell: str,
    layout: Layout,
    tokens: Tokens | None,
    tensors: list[Tensor | None],
    incoming: tuple[Tensor | None, ...],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """The same gradients by way of the composite, as functions of everything that went in."""
    is_differentiated = torch.is_grad_enabled()
    with torch.enable_grad():
        # Aliases: gradients stop at this layer, and can still be differentiated further back.
        inner = [None if t is None else t.view_as(t) for t in tensors]
        values, h_0, c_0, *flat = inner
        assert values is not None
        weights = [Weights(*flat[i : i + 4]) for i in range(0, len(flat), 4)]  # type: ignore[arg-type]
        states = None if h_0 is None else (h_0,) if c_0 is None else (h_0, c_0)
        data = values if tokens is None else tokens._replace(is_sparse=False).embed(values, layout)
        output, finals = _composite.layer(cell, data, states, weights, layout)
    pairs = zip((output, *finals), incoming, strict=True)
    results, grads = zip(*((r, g) for r, g in pairs if g is not None), strict=True)
    targets = [t for t, is_wanted in zip(inner, wanted, strict=True) if is_wanted and t is not None]
    gradients = iter(
        torch.autograd.grad(
            results, targets, grads, create_graph=is_differentiated, allow_unused=True
        )
    )
    return [next(gradients) if is_wanted else None for is_wanted in wanted]
