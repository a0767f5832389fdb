"""Calls of the engine on tensors' memory: one layer, all its directions, forward and backward.

No graph is known here, and nothing is checked that the callers have checked. Tensors are dense or
are copied to be so.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tidegate import engine
from tidegate.nn import _plans
from tidegate.nn._layout import CPU, Layout, Tokens
from tidegate.nn._memory import DTYPES, address, addresses, dense, made_dense
from tidegate.nn._plans import Plan

# PyTorch's OpenMP threads spin for milliseconds after each operator: others beside them would wait
# for a processor.
engine.share_openmp()


class Sources(NamedTuple):
    """What a layer reads, dense in memory."""

    values: Tensor
    """The sequences, arranged by the layout; with ids the embedding table, (V, I)."""
    ids: Tensor | None
    h_0: Tensor | None
    """(D, N, H)"""
    c_0: Tensor | None
    weights: Sequence[Tensor | None]
    """weight_ih, weight_hh, bias_ih and bias_hh, direction by direction."""


class Results(NamedTuple):
    """The results of a layer."""

    output: Tensor
    """(..., D*H), arranged by the layout."""
    h_n: Tensor
    """(D, N, H), or (N, H) for a step."""
    c_n: Tensor | None
    """As h_n, the LSTM's alone."""
    reserve: Tensor | None
    """What backward needs, (D, bytes), uint8; None after inference."""
    max_distinct: int
    """At least as many as the batch has distinct tokens."""
    plan: Plan | None
    """The batch's, for another call over it; a new one is made where there is none."""


@lru_cache(maxsize=64)
def reserve_size(cell: str, dtype: torch.dtype, hidden_size: int, num_positions: int) -> int:
    """The bytes that forward keeps for backward over so many positions, for one direction."""
    return engine.reserve_bytes(
        cell=cell, dtype=DTYPES[dtype], hidden_size=hidden_size, num_positions=num_positions
    )


def forward(
    cell: str,
    given: Sources,
    layout: Layout,
    *,
    training: bool,
    num_positions: int | None = None,
    plan: Plan | None = None,
) -> Results:
    """Run one layer.

    Args:
        training: Whether to keep what :func:`backward` needs.
        num_positions: How many the reserve has room for; those that the rows have when left out.
        plan: That of an earlier call over the same batch.
    """
    sources, at = _dense(cell, given)
    values, weights = sources.values, sources.weights
    weight_hh = weights[1]
    assert weight_hh is not None
    D, H = len(weights) // 4, weight_hh.size(1)
    plan = _planned(cell, sources, layout, H, plan)
    state_shape = (layout.N, H) if layout.kind == "step" else (D, layout.N, H)
    leading = values.shape[:-1] if sources.ids is None else sources.ids.shape
    # Sizes one by one: PyTorch takes half a microsecond more to read them from a tuple.
    output = values.new_empty(*leading, D * H)
    h_n = values.new_empty(*state_shape)
    c_n = values.new_empty(*state_shape) if cell == "lstm" else None
    reserve = None
    if training:
        num_real = layout.N * layout.T if plan.lengths is None else int(plan.lengths.sum())
        reserve = _reserve(cell, values.dtype, D, H, num_real, num_positions)
    call = engine.ForwardCall()
    _set_input(call, sources, at)
    call.output_stride = D * H
    parts = (
        ("h_0", sources.h_0),
        ("c_0", sources.c_0),
        ("h_n", h_n),
        ("c_n", c_n),
        ("reserve", reserve),
    )
    num_distinct = 0
    for d in range(D):
        call.reverse = d == 1
        _set_parts(call, d, parts)
        call.weight_ih, call.weight_hh, call.bias_ih, call.bias_hh = at[4 + 4 * d : 8 + 4 * d]
        call.output = address(output) + d * H * output.element_size()
        num_distinct = engine.layer_forward(plan.planned, call)
    return Results(output, h_n, c_n, reserve, num_distinct, plan)


# What backward needs where forward keeps nothing, of one direction and of two. What is made in
# inference mode, in which this may be imported, cannot be saved for backward.
with torch.inference_mode(False):
    _NOTHING = tuple(torch.zeros(D, 64, dtype=torch.uint8, device=CPU) for D in (1, 2))

# A reserve of so many bytes is memory of the engine's, which it keeps for the next: the C library
# gives back what is large, and fresh memory costs a page fault for every 4 KiB.
_KEPT_BYTES = 1 << 20


def check_fit(
    where: str,
    cell: str,
    sources: Sources,
    H: int,
    state_shape: tuple[int, ...],
    dtype: torch.dtype,
) -> None:
    """Refuse weights and states that changed since the layer's own checks, or had none.

    Args:
        dtype: Of all.

    Raises:
        RuntimeError: The engine would read past an end.
    """
    values, _, h_0, c_0, weights = sources
    if values.dtype is not dtype:
        raise RuntimeError(f"{where}: expected input of {dtype}, got {values.dtype}")
    shapes = _weight_shapes(cell, values.size(-1), H)
    wanted = (state_shape, state_shape, *shapes, *shapes)
    for name, tensor, shape in zip(_NAMES, (h_0, c_0, *weights), wanted, strict=False):
        if tensor is None or (tensor.shape == shape and tensor.dtype is dtype):
            continue
        got: Any = tuple(tensor.shape)
        expected = f"shape {shape}"
        if got == shape:
            expected, got = str(dtype), tensor.dtype
        raise RuntimeError(f"{where}: expected {name} of {expected}, got {got}")


@lru_cache(maxsize=64)
def _weight_shapes(cell: str, input_size: int, H: int) -> tuple[tuple[int, ...], ...]:
    gates = engine.NUM_GATES[cell] * H  # type: ignore[index]
    return (gates, input_size), (gates, H), (gates,), (gates,)


def _reserve(
    cell: str, dtype: torch.dtype, D: int, H: int, num_real: int, num_positions: int | None
) -> Tensor:
    """Memory for what backward needs of ``num_real`` positions, or room for more."""
    size = reserve_size(cell, dtype, H, num_real)
    if num_positions is None:
        if size == reserve_size(cell, dtype, H, 0):
            return _NOTHING[D - 1]
        if D * size < _KEPT_BYTES:
            # Takes dtype and device from the tensor, which is quicker than naming both.
            return _NOTHING[0].new_empty(D, size)
        return torch.from_numpy(engine.kept_memory(num_bytes=D * size)).view(D, size)
    room = reserve_size(cell, dtype, H, num_positions)
    reserve = _NOTHING[0].new_empty(D, room)
    # The engine fills the part before; the rest of an operator's result is zeros, not chance.
    reserve[:, size - reserve_size(cell, dtype, H, 0) :].zero_()
    return reserve


class Gradients(NamedTuple):
    """Gradients of a layer's inputs; None where not wanted."""

    values: Tensor | None
    """The gradient of the sequences; with ids that of the rows that occur, (K, I)."""
    ids: Tensor | None
    """Those rows, (K,), ascending."""
    h_0: Tensor | None
    c_0: Tensor | None
    weights: Sequence[Tensor | None]


def backward(
    cell: str,
    given: Sources,
    layout: Layout,
    results: Results,
    incoming: tuple[Tensor | None, Tensor | None, Tensor | None],
    wanted: Sequence[bool],
) -> Gradients:
    """The gradients of one :func:`forward` that was training.

    Args:
        incoming: Gradients of output, h_n and c_n; None for zeros.
        wanted: Which to compute, of values, h_0, c_0 and each of the weights.
    """
    sources, at = _dense(cell, given)
    values, weights = sources.values, sources.weights
    output, D = dense(cell, "output", results.output), len(weights) // 4
    H = output.size(-1) // D
    state_shape = (layout.N, H) if layout.kind == "step" else (D, layout.N, H)
    # Autograd does not see what `tensor.data = other` does after forward.
    check_fit(cell, cell, sources, H, state_shape, output.dtype)
    positions_shape = output.shape[:-1]
    if sources.ids is None and values.shape[:-1] != positions_shape:
        raise RuntimeError(
            f"{cell}: expected input of {tuple(positions_shape)} vectors, as in forward, got shape "
            f"{tuple(values.shape)}"
        )
    grad_output, grad_h_n, grad_c_n = [
        None if tensor is None else dense(cell, f"the gradient of {name}", tensor)
        for name, tensor in zip(("output", "h_n", "c_n"), incoming, strict=True)
    ]
    plan = _planned(cell, sources, layout, H, results.plan)
    made = [
        torch.empty_like(tensor) if is_wanted and tensor is not None else None
        for tensor, is_wanted in zip(
            (None if sources.ids is not None else values, sources.h_0, sources.c_0, *weights),
            wanted,
            strict=True,
        )
    ]
    gradients = Gradients(made[0], None, made[1], made[2], made[3:])
    rows: list[Tensor] = []
    ids = None
    if sources.ids is not None and wanted[0]:
        ids = sources.ids.new_empty(results.max_distinct)
        rows = [values.new_empty((results.max_distinct, values.size(1))) for _ in range(D)]
    call = engine.BackwardCall()
    _set_input(call, sources, at)
    call.output_stride = call.grad_output_stride = D * H
    if gradients.values is not None:
        call.grad_input, call.grad_input_stride = address(gradients.values), values.size(-1)
    if ids is not None:
        call.grad_table_ids = address(ids)
    parts = (
        ("h_0", sources.h_0),
        ("c_0", sources.c_0),
        ("reserve", results.reserve),
        ("grad_h_n", grad_h_n),
        ("grad_c_n", grad_c_n),
        ("grad_h_0", gradients.h_0),
        ("grad_c_0", gradients.c_0),
    )
    num_distinct = 0
    for d in range(D):
        call.reverse = call.add_to_grad_input = d == 1
        _set_parts(call, d, parts)
        call.weight_ih, call.weight_hh = at[4 + 4 * d : 6 + 4 * d]
        (
            call.grad_weight_ih,
            call.grad_weight_hh,
            call.grad_bias_ih,
            call.grad_bias_hh,
        ) = map(address, gradients.weights[4 * d : 4 * d + 4])
        column = d * H * output.element_size()
        call.output = address(output) + column
        if grad_output is not None:
            call.grad_output = address(grad_output) + column
        if rows:
            call.grad_table_rows = address(rows[d])
        num_distinct = engine.layer_backward(plan.planned, call)
    if ids is None:
        return gradients
    # Both directions read the same tokens, so their rows stand in the same order.
    total = rows[0] if D == 1 else rows[0].add_(rows[1])
    if num_distinct < results.max_distinct:
        total, ids = total[:num_distinct], ids[:num_distinct]
    return gradients._replace(values=total, ids=ids)


def table_gradient(table: Tensor, tokens: Tokens, ids: Tensor, rows: Tensor) -> Tensor:
    """The gradient of an embedding table, of which ``rows`` (K, I) belong to distinct ``ids``."""
    if tokens.padding_idx is not None:
        padding_idx = tokens.padding_idx % max(table.size(0), 1)
        rows.masked_fill_((ids == padding_idx).unsqueeze(1), 0)
    if tokens.is_sparse:
        return torch.sparse_coo_tensor(
            ids.unsqueeze(0),
            rows,
            table.shape,
            device=CPU,
            check_invariants=False,
            is_coalesced=True,
        )
    return torch.zeros_like(table, memory_format=torch.contiguous_format).index_copy_(0, ids, rows)


def _dense(cell: str, given: Sources) -> tuple[Sources, list[int]]:
    """The sources, dense, and their addresses: of values, ids, h_0, c_0 and the weights."""
    values, ids, h_0, c_0, weights = given
    tensors = (values, ids, h_0, c_0, *weights)
    at = addresses(*tensors)
    if at is not None:
        return given, at
    names = ("input" if ids is None else "table", "ids", *_NAMES)
    made: list[Any] = [
        None if tensor is None else made_dense(cell, name, tensor)
        for name, tensor in zip(names, tensors, strict=False)
    ]
    sources = Sources(made[0], made[1], made[2], made[3], made[4:])
    return sources, [address(tensor) for tensor in made]


def _planned(cell: str, sources: Sources, layout: Layout, H: int, plan: Plan | None) -> Plan:
    """The plan, or a new one where there is none or the sizes are no longer those it was for."""
    values, ids, h_0, c_0, weights = sources
    if plan is not None and plan.values_shape == values.shape:
        return plan
    return _plans.make(
        cell,
        values,
        ids,
        layout,
        hidden_size=H,
        num_directions=len(weights) // 4,
        has_state=h_0 is not None or c_0 is not None,
    )


def _set_input(
    call: engine.ForwardCall | engine.BackwardCall, sources: Sources, at: list[int]
) -> None:
    """Tell a call where the sequences or, with ids, the embedding table are."""
    if sources.ids is None:
        call.input, call.input_stride = at[0], sources.values.size(-1)
    else:
        call.table = at[0]


def _set_parts(
    call: engine.ForwardCall | engine.BackwardCall,
    d: int,
    parts: Sequence[tuple[str, Tensor | None]],
) -> None:
    """Tell a call the addresses of a direction's parts of those dense tensors that there are."""
    for name, tensor in parts:
        if tensor is not None:
            start = address(tensor)
            if d:
                start += d * tensor.stride(0) * tensor.element_size()
            setattr(call, name, start)


_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
# Names of the tensors that are read beside the sequences, in order.
_NAMES = ("h_0", "c_0", *_WEIGHTS, *(f"{name}_reverse" for name in _WEIGHTS))
