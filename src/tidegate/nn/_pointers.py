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
from tidegate.nn._layout import CPU, Layout, Tokens, positions, row_lengths

DTYPES = {torch.float32: "float32", torch.float64: "float64"}

# PyTorch's OpenMP threads spin for milliseconds after each operator: others beside them would wait
# for a processor.
engine.share_openmp()

# The address of a tensor without elements is 0, which means "none" to the engine.
_NOWHERE = torch.zeros(64, dtype=torch.uint8, device=CPU)


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
    """What a layer computes."""

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


@lru_cache(maxsize=64)
def reserve_size(cell: str, dtype: torch.dtype, hidden_size: int, num_positions: int) -> int:
    """The bytes that forward keeps for backward over so many positions, for one direction."""
    return engine.reserve_bytes(
        cell=cell, dtype=DTYPES[dtype], hidden_size=hidden_size, num_positions=num_positions
    )


def dense(tensor: Tensor | None) -> Tensor | None:
    """The tensor as its elements in order, without the views that only a flag marks.

    Raises:
        RuntimeError: Its storage was freed.
    """
    if tensor is None or _are_dense(tensor):
        return tensor
    return _made_dense("tidegate", "a tensor", tensor)


def _are_dense(*tensors: Tensor | None) -> bool:
    """Whether elements stand in memory in their order; False where a tensor has none as well."""
    try:
        for tensor in tensors:
            if tensor is None:
                continue
            if tensor.is_neg() or not tensor.is_contiguous():
                return False
            # Not the tensor's address, which is above 0 for a part of a storage that was freed.
            if not tensor.untyped_storage().data_ptr():
                return False
    except RuntimeError:
        return False  # zeros that PyTorch only notes: their storage does not tell
    return True


def _made_dense(where: str, name: str, tensor: Tensor) -> Tensor:
    if tensor._is_zerotensor():
        return tensor.clone(memory_format=torch.contiguous_format)
    if tensor.numel() and not tensor.untyped_storage().nbytes():
        raise RuntimeError(
            f"{where}: expected {name} with memory, got {tuple(tensor.shape)} whose storage was "
            "freed; fill it again before the call"
        )
    return tensor.resolve_neg().contiguous()


def forward(
    cell: str, given: Sources, layout: Layout, *, training: bool, num_positions: int | None = None
) -> Results:
    """Run one layer.

    Args:
        training: Whether to keep what :func:`backward` needs.
        num_positions: How many the reserve has room for; those that the rows have when left out.
    """
    sources = _dense(cell, given)
    values, weights = sources.values, sources.weights
    D, H = len(weights) // 4, _size(weights[1], 1)
    state_shape = (layout.N, H) if layout.kind == "step" else (D, layout.N, H)
    leading = values.shape[:-1] if sources.ids is None else sources.ids.shape
    # Sizes one by one: PyTorch takes half a microsecond more to read them from a tuple.
    output = values.new_empty(*leading, D * H)
    h_n = values.new_empty(*state_shape)
    c_n = values.new_empty(*state_shape) if cell == "lstm" else None
    lengths, call, _keep = _call(cell, sources, layout, H)
    call["output_stride"] = D * H
    reserve = None
    if training:
        num_real = layout.N * layout.T if lengths is None else int(lengths.sum())
        reserve = _reserve(cell, values.dtype, D, H, num_real, num_positions)
    num_distinct = 0
    parts = (
        ("h_0", sources.h_0),
        ("c_0", sources.c_0),
        ("h_n", h_n),
        ("c_n", c_n),
        ("reserve", reserve),
    )
    for d in range(D):
        _add_parts(call, d, parts)
        _add_weights(call, _WEIGHTS, weights, d)
        call["output"] = _at(output) + d * H * output.element_size()
        num_distinct = engine.layer_forward(**call, reverse=d == 1)
    return Results(output, h_n, c_n, reserve, num_distinct)


# What backward needs where forward keeps nothing, of one direction and of two. What is made in
# inference mode, in which this may be imported, cannot be saved for backward.
with torch.inference_mode(False):
    _NOTHING = tuple(torch.zeros(D, 64, dtype=torch.uint8, device=CPU) for D in (1, 2))

# A reserve of so many bytes is memory of the engine's, which it keeps for the next: the C library
# gives back what is large, and fresh memory costs a page fault for every 4 KiB.
_KEPT_BYTES = 1 << 20


def check_shapes(
    where: str, cell: str, sources: Sources, H: int, state_shape: tuple[int, ...]
) -> None:
    """Refuse weights and states that changed since the layer's own checks, or had none.

    Raises:
        RuntimeError: The engine would read past an end.
    """
    shapes = _weight_shapes(cell, sources.values.size(-1), H)
    for index, tensor in enumerate(sources.weights):
        if tensor is not None and tensor.shape != shapes[index % 4]:
            name = _WEIGHTS[index % 4] + ("_reverse" if index > 3 else "")
            raise RuntimeError(
                f"{where}: expected {name} of shape {shapes[index % 4]}, got {tuple(tensor.shape)}"
            )
    for name, tensor in (("h_0", sources.h_0), ("c_0", sources.c_0)):
        if tensor is not None and tensor.shape != state_shape:
            raise RuntimeError(
                f"{where}: expected {name} of shape {state_shape}, got {tuple(tensor.shape)}"
            )


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
            # Of its dtype and device, whatever the defaults are: sooner than if both were named.
            return _NOTHING[0].new_empty(D, size)
        return torch.from_numpy(engine.kept_memory(num_bytes=D * size)).view(D, size)
    room = reserve_size(cell, dtype, H, num_positions)
    reserve = _NOTHING[0].new_empty(D, room)
    # The engine fills what comes before; the result of an operator has no bytes of chance.
    reserve[:, size - reserve_size(cell, dtype, H, 0) :].zero_()
    return reserve


class Gradients(NamedTuple):
    """Derivatives by what went in; None where not wanted."""

    values: Tensor | None
    """Of the sequences; with ids of the rows that occur, (K, I)."""
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
    sources = _dense(cell, given)
    values, weights = sources.values, sources.weights
    output, D = results.output, len(weights) // 4
    H = output.size(-1) // D
    state_shape = (layout.N, H) if layout.kind == "step" else (D, layout.N, H)
    # Autograd does not see what `parameter.data = other` does after forward.
    check_shapes(cell, cell, sources, H, state_shape)
    grad_output, grad_h_n, grad_c_n = [dense(tensor) for tensor in incoming]
    _, call, _keep = _call(cell, sources, layout, H)
    made = [
        torch.empty_like(tensor) if is_wanted and tensor is not None else None
        for tensor, is_wanted in zip(
            (None if sources.ids is not None else values, sources.h_0, sources.c_0, *weights),
            wanted,
            strict=True,
        )
    ]
    found = Gradients(made[0], None, made[1], made[2], made[3:])
    rows: list[Tensor] = []
    ids = None
    if sources.ids is not None and wanted[0]:
        ids = sources.ids.new_empty(results.max_distinct)
        rows = [values.new_empty((results.max_distinct, values.size(1))) for _ in range(D)]
    num_distinct = 0
    call["output_stride"] = call["grad_output_stride"] = D * H
    if found.values is not None:
        call["grad_input"], call["grad_input_stride"] = _at(found.values), values.size(-1)
    if ids is not None:
        call["grad_table_ids"] = _at(ids)
    parts = (
        ("h_0", sources.h_0),
        ("c_0", sources.c_0),
        ("reserve", results.reserve),
        ("grad_h_n", grad_h_n),
        ("grad_c_n", grad_c_n),
        ("grad_h_0", found.h_0),
        ("grad_c_0", found.c_0),
    )
    for d in range(D):
        _add_parts(call, d, parts)
        _add_weights(call, _WEIGHTS[:2], weights, d)
        _add_weights(call, _GRADS, found.weights, d)
        column = d * H * output.element_size()
        call["output"] = _at(output) + column
        if grad_output is not None:
            call["grad_output"] = _at(grad_output) + column
        if rows:
            call["grad_table_rows"] = _at(rows[d])
        num_distinct = engine.layer_backward(**call, reverse=d == 1, add_to_grad_input=d == 1)
    if ids is None:
        return found
    # Both directions read the same tokens, so their rows stand in the same order.
    total = rows[0] if D == 1 else rows[0].add_(rows[1])
    if num_distinct < results.max_distinct:
        total, ids = total[:num_distinct], ids[:num_distinct]
    return Gradients(total, ids, *found[2:])


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


def _dense(cell: str, given: Sources) -> Sources:
    values, ids, h_0, c_0, weights = given
    tensors = (values, ids, h_0, c_0, *weights)
    if _are_dense(*tensors):
        return given
    names = ("input" if ids is None else "table", "ids", "h_0", "c_0", *_WEIGHTS, *_WEIGHTS)
    made: list[Any] = [
        None if tensor is None else _made_dense(cell, name, tensor)
        for name, tensor in zip(names, tensors, strict=False)
    ]
    return Sources(made[0], made[1], made[2], made[3], made[4:])


def _call(
    cell: str, sources: Sources, layout: Layout, H: int
) -> tuple[Tensor | None, dict[str, Any], tuple[Tensor, ...]]:
    """The lengths, what every call of the engine is told, and what must live until it is over."""
    values, ids = sources.values, sources.ids
    rows, steps = positions(layout)
    call = _sizes(
        cell,
        values.dtype,
        layout.N,
        layout.T,
        values.size(-1),
        H,
        layout.kind not in ("packed", "ragged"),
    ).copy()
    call["row_offset"], call["step_offset"] = _at(rows), _at(steps)
    if ids is None:
        call["input"] = _at(values)
    else:
        call["ids"], call["table"], call["num_embeddings"] = _at(ids), _at(values), values.size(0)
    if layout.lengths is None and layout.batch_sizes is None:
        return None, call, (rows, steps)
    lengths = row_lengths(layout)
    call["lengths"] = _at(lengths)
    return lengths, call, (rows, steps) if lengths is None else (rows, steps, lengths)


@lru_cache(maxsize=64)
def _sizes(
    cell: str, dtype: torch.dtype, N: int, T: int, input_size: int, hidden_size: int, pad: bool
) -> dict[str, Any]:
    return {
        "cell": cell,
        "dtype": DTYPES[dtype],
        "num_rows": N,
        "num_steps": T,
        "input_size": input_size,
        "hidden_size": hidden_size,
        "pad": pad,
        "input_stride": input_size,
    }


def _size(tensor: Tensor | None, axis: int) -> int:
    assert tensor is not None
    return tensor.size(axis)


def _at(tensor: Tensor | None) -> int:
    """The address of a tensor; 0 for none."""
    return 0 if tensor is None else tensor.data_ptr() or _NOWHERE.data_ptr()


def _add_parts(call: dict[str, Any], d: int, parts: Sequence[tuple[str, Tensor | None]]) -> None:
    """Add the addresses of a direction's parts of dense tensors that there are."""
    for name, tensor in parts:
        if tensor is not None:
            address = tensor.data_ptr() or _NOWHERE.data_ptr()
            if d:
                address += d * tensor.stride(0) * tensor.element_size()
            call[name] = address


_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_GRADS = tuple(f"grad_{name}" for name in _WEIGHTS)


def _add_weights(
    call: dict[str, Any], names: Sequence[str], tensors: Sequence[Tensor | None], d: int
) -> None:
    """Add the addresses of a direction's weights, or of their gradients, that there are."""
    for name, tensor in zip(names, tensors[4 * d :], strict=False):
        if tensor is not None:
            call[name] = tensor.data_ptr() or _NOWHERE.data_ptr()
        elif d:
            call.pop(name, None)  # the other direction's
