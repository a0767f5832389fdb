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
from tidegate.nn._layout import CPU, Kind, Layout, Tokens, positions, row_lengths
from tidegate.tensors import check_memory

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


def dense(where: str, name: str, tensor: Tensor) -> Tensor:
    """The tensor as its elements in order, without the views that only a flag marks.

    Raises:
        RuntimeError: Its storage was freed or cut.
    """
    return tensor if _addresses(tensor) else _made_dense(where, name, tensor)


def _addresses(*tensors: Tensor | None) -> list[int] | None:
    """The addresses of dense tensors, 0 for none; None where one is not dense, or has no memory."""
    found = []
    for tensor in tensors:
        if tensor is None:
            found.append(0)
            continue
        # The address is 0 of zeros that PyTorch only notes; their storage does not tell.
        address = tensor.data_ptr()
        if not address or not tensor.is_contiguous():
            return None
        found.append(address)
        # A tensor that is its whole storage is no view that a flag marks, for such are parts of
        # complex tensors.
        room, size = len(tensor.untyped_storage()), tensor.nbytes
        offset = tensor.storage_offset()
        if room == size and not offset:
            continue
        if room < size + offset * tensor.itemsize or tensor.is_neg():
            return None
    return found


def _made_dense(where: str, name: str, tensor: Tensor) -> Tensor:
    if tensor._is_zerotensor():
        return tensor.clone(memory_format=torch.contiguous_format)
    check_memory(where, name, tensor)
    return tensor.resolve_neg().contiguous()


def forward(
    cell: str, given: Sources, layout: Layout, *, training: bool, num_positions: int | None = None
) -> Results:
    """Run one layer.

    Args:
        training: Whether to keep what :func:`backward` needs.
        num_positions: How many the reserve has room for; those that the rows have when left out.
    """
    sources, addresses = _dense(cell, given)
    values, weights = sources.values, sources.weights
    weight_hh = weights[1]
    assert weight_hh is not None
    D, H = len(weights) // 4, weight_hh.size(1)
    state_shape = (layout.N, H) if layout.kind == "step" else (D, layout.N, H)
    leading = values.shape[:-1] if sources.ids is None else sources.ids.shape
    # Sizes one by one: PyTorch takes half a microsecond more to read them from a tuple.
    output = values.new_empty(*leading, D * H)
    h_n = values.new_empty(*state_shape)
    c_n = values.new_empty(*state_shape) if cell == "lstm" else None
    lengths, call, _keep = _call(cell, sources, addresses, layout, H)
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
        call.update(zip(_WEIGHTS, addresses[4 + 4 * d :], strict=False))
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
    sources, addresses = _dense(cell, given)
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
    _, call, _keep = _call(cell, sources, addresses, layout, H)
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
    gradients = [_at(tensor) for tensor in found.weights]
    for d in range(D):
        _add_parts(call, d, parts)
        call.update(zip(_WEIGHTS[:2], addresses[4 + 4 * d :], strict=False))
        call.update(zip(_GRADS, gradients[4 * d :], strict=False))
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


def _dense(cell: str, given: Sources) -> tuple[Sources, list[int]]:
    """The sources, dense, and their addresses: of values, ids, h_0, c_0 and the weights."""
    values, ids, h_0, c_0, weights = given
    tensors = (values, ids, h_0, c_0, *weights)
    addresses = _addresses(*tensors)
    if addresses is not None:
        return given, addresses
    names = ("input" if ids is None else "table", "ids", *_NAMES)
    made: list[Any] = [
        None if tensor is None else _made_dense(cell, name, tensor)
        for name, tensor in zip(names, tensors, strict=False)
    ]
    sources = Sources(made[0], made[1], made[2], made[3], made[4:])
    return sources, [_at(tensor) for tensor in made]


def _call(
    cell: str, sources: Sources, addresses: list[int], layout: Layout, H: int
) -> tuple[Tensor | None, dict[str, Any], tuple[Tensor, ...]]:
    """The lengths, what every call of the engine is told, and what must live until it is over."""
    values, ids = sources.values, sources.ids
    sizes, kept = _sizes(cell, values.dtype, layout.kind, layout.N, layout.T, values.size(-1), H)
    call = sizes.copy()
    if not kept:
        kept = rows, steps = positions(layout)
        call["row_offset"], call["step_offset"] = _at(rows), _at(steps)
    if ids is None:
        call["input"] = addresses[0]
    else:
        call["table"], call["ids"], call["num_embeddings"] = *addresses[:2], values.size(0)
    if layout.lengths is None and layout.batch_sizes is None:
        return None, call, kept
    lengths = row_lengths(layout)
    call["lengths"] = _at(lengths)
    return lengths, call, kept if lengths is None else (*kept, lengths)


@lru_cache(maxsize=64)
def _sizes(
    cell: str, dtype: torch.dtype, kind: Kind, N: int, T: int, input_size: int, hidden_size: int
) -> tuple[dict[str, Any], tuple[Tensor, ...]]:
    """What calls of these sizes are told, and the positions of a padded batch, which it names."""
    sizes = {
        "cell": cell,
        "dtype": DTYPES[dtype],
        "num_rows": N,
        "num_steps": T,
        "input_size": input_size,
        "hidden_size": hidden_size,
        "pad": kind not in ("packed", "ragged"),
        "input_stride": input_size,
    }
    if not sizes["pad"]:
        return sizes, ()
    rows, steps = positions(Layout(kind, N, T, None, None))
    return sizes | {"row_offset": _at(rows), "step_offset": _at(steps)}, (rows, steps)


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
# Of what is read beside the sequences, in order.
_NAMES = ("h_0", "c_0", *_WEIGHTS, *(f"{name}_reverse" for name in _WEIGHTS))
_GRADS = tuple(f"grad_{name}" for name in _WEIGHTS)
