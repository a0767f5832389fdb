"""The arguments of a call of RNN, LSTM or GRU: checked, and brought into one form."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from tidegate.nn import _graphs
from tidegate.nn._composite import State, Weights
from tidegate.nn._layout import Layout, Tokens
from tidegate.nn._lengths import (
    INTEGERS,
    check_batch_sizes,
    check_lengths,
    check_offsets,
    check_storage,
)


class Layers(Protocol):
    """What the checks read of an RNN, LSTM or GRU; the attributes are those of ``torch.nn``'s."""

    mode: str
    input_size: int
    hidden_size: int
    num_layers: int
    batch_first: bool
    bidirectional: bool
    proj_size: int

    @property
    def _dtype(self) -> torch.dtype:
        """The weights' dtype."""


class Table(NamedTuple):
    """An embedding table that ids name rows of, with the options of an ``nn.Embedding``."""

    weight: Tensor
    """(V, I)"""
    padding_idx: int | None = None
    sparse: bool = False


class Call(NamedTuple):
    """The checked arguments of a call, in one form for all kinds of input."""

    values: Tensor
    """The sequences, arranged by ``layout``; with tokens their embedding table, (V, I)."""
    states: State | None
    """h_0, and c_0 for the LSTM, (L*D, N, H) each, in the order of the rows; None for zeros."""
    layout: Layout
    tokens: Tokens | None


def prepare(
    layers: Layers,
    input: Any,
    hx: Any,
    lengths: Any,
    offsets: Any,
    embedding: nn.Embedding | Table | None = None,
) -> Call:
    """Check the arguments of ``forward``; with an embedding, ``input`` is ids without features."""
    if not _graphs.are_traced():
        return _prepare(layers, input, hx, lengths, offsets, embedding)
    with _graphs.checks_alone():
        return _prepare(layers, input, hx, lengths, offsets, embedding)


def _prepare(
    layers: Layers,
    input: Any,
    hx: Any,
    lengths: Any,
    offsets: Any,
    embedding: nn.Embedding | Table | None,
) -> Call:
    where = type(layers).__name__
    states = _as_states(layers, hx)
    features = 1 if embedding is None else 0
    if lengths is not None and offsets is not None:
        raise ValueError(
            f"{where}: expected lengths beside a padded input or offsets beside a flat one, got "
            "both; leave out those that do not belong to this input"
        )
    if isinstance(input, PackedSequence):
        for name, given in (("lengths", lengths), ("offsets", offsets)):
            if given is not None:
                raise ValueError(
                    f"{where}: expected {name} only beside a tensor, got them beside a "
                    "PackedSequence, which has its own"
                )
        data = input.data
        if states is not None and input.sorted_indices is not None:
            for name, state in zip(("h_0", "c_0"), states, strict=False):
                check_storage(where, name, state)
            states = tuple(s.index_select(1, input.sorted_indices) for s in states)
        layout = _packed(where, input, states, features)
    elif offsets is not None:
        data = input
        layout = _ragged(where, data, states, offsets, features)
    else:
        data, states, layout = _padded(layers, input, states, lengths, features)
    call = _with_values(layers, data, states, layout, embedding)
    if states is not None:
        _check_states(layers, states, layout.N, call.values.dtype)
    return call


def _packed(where: str, input: PackedSequence, states: State | None, features: int) -> Layout:
    data, batch_sizes = input.data, input.batch_sizes
    if data.dim() != 1 + features:
        raise RuntimeError(
            f"{where}: expected packed data of {1 + features} dimensions, got {tuple(data.shape)}"
        )
    N = _packed_rows(where, input, states)
    return Layout("packed", N, batch_sizes.size(0), None, batch_sizes)


def _ragged(where: str, data: Tensor, states: State | None, offsets: Any, features: int) -> Layout:
    if data.dim() != 1 + features:
        raise ValueError(
            f"{where}: expected a flat input {'(P, I)' if features else '(P,)'} beside offsets, "
            f"got {tuple(data.shape)}"
        )
    if states is not None:
        _check_rank(where, states, 3)
    offsets, lengths, T = check_offsets(where, offsets, data.size(0))
    return Layout("ragged", offsets.size(0) - 1, T, lengths, None, offsets)


def _padded(
    layers: Layers, data: Tensor, states: State | None, lengths: Any, features: int
) -> tuple[Tensor, State | None, Layout]:
    """The layout of a padded batch, or of one sequence, to which a batch axis is added."""
    where = type(layers).__name__
    rank = 2 + features
    if data.dim() not in (rank - 1, rank):
        raise ValueError(
            f"{where}: expected input of {rank} dimensions, or {rank - 1} without a batch, "
            f"got {tuple(data.shape)}"
        )
    is_batched = data.dim() == rank
    if states is not None:
        _check_rank(where, states, 3 if is_batched else 2)
    if not is_batched:
        data = data.unsqueeze(0 if layers.batch_first else 1)
        states = None if states is None else tuple(s.unsqueeze(1) for s in states)
    T, N = data.size(0), data.size(1)
    if layers.batch_first:
        T, N = N, T
    if lengths is not None:
        lengths = check_lengths(where, lengths, N, T, is_batched)
    return data, states, Layout("batch" if layers.batch_first else "time", N, T, lengths, None)


def finish(
    layers: Layers, input: Any, call: Call, output: Tensor, finals: State
) -> tuple[Any, Any]:
    """The results of ``forward`` in the form that its arguments had."""
    result: Any = output
    if isinstance(input, PackedSequence):
        if input.unsorted_indices is not None:
            finals = tuple(s.index_select(1, input.unsorted_indices) for s in finals)
        result = PackedSequence(
            output, input.batch_sizes, input.sorted_indices, input.unsorted_indices
        )
    elif call.layout.kind != "ragged" and input.dim() == (2 if call.tokens is None else 1):
        result = output.squeeze(0 if layers.batch_first else 1)
        finals = tuple(s.squeeze(1) for s in finals)
    return result, finals if layers.mode == "LSTM" else finals[0]


def check_weights(
    where: str,
    suffix: str,
    weights: Weights,
    gates: int,
    input_size: int,
    hidden_size: int,
    proj_size: int = 0,
) -> None:
    """Refuse weights that were replaced by others than one layer and direction was made with.

    Args:
        suffix: What stands in their names behind the kind of weight.
        gates: G*H, the rows of all gates.

    Raises:
        RuntimeError: Which one, its shape and the one expected.
    """
    ih, hh, bias_ih, bias_hh, hr = weights
    rows, output_size = (gates,), proj_size or hidden_size
    if (
        # Tracing warns of every size that is looked at; PyTorch's operations will look as well.
        torch._C._get_tracing_state() is not None
        or (
            ih.shape == (gates, input_size)
            and hh.shape == (gates, output_size)
            and (bias_ih is None or bias_ih.shape == rows)
            and (bias_hh is None or bias_hh.shape == rows)
            and (hr is None or hr.shape == (proj_size, hidden_size))
        )
    ):
        return
    shapes = ((gates, input_size), (gates, output_size), rows, rows, (proj_size, hidden_size))
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    for kind, tensor, shape in zip(kinds, weights, shapes, strict=True):
        if tensor is not None and tensor.shape != shape:
            raise RuntimeError(
                f"{where}: expected {kind}{suffix} of shape {shape}, got {tuple(tensor.shape)}"
            )


def _packed_rows(where: str, input: PackedSequence, states: State | None) -> int:
    """The rows of a packed batch.

    While a graph is compiled they are read from sizes where some tell them; the engine's operator
    checks when it runs.
    """
    if _graphs.are_traced():
        return input.batch_sizes[0]  # type: ignore[return-value]  # which the graph computes
    if torch.compiler.is_compiling():
        if input.sorted_indices is not None:
            return input.sorted_indices.size(0)
        if states is not None and states[0].dim() == 3:
            return states[0].size(1)
        return int(input.batch_sizes[0])
    check_batch_sizes(where, input.batch_sizes, input.data.size(0))
    return int(input.batch_sizes[0])


def _with_values(
    layers: Layers,
    data: Tensor,
    states: State | None,
    layout: Layout,
    embedding: nn.Embedding | Table | None,
) -> Call:
    where = type(layers).__name__
    dtype = layers._dtype
    if embedding is None:
        values, tokens = data, None
    else:
        if data.dtype not in INTEGERS:
            raise TypeError(f"{where}: expected ids of an integer dtype, got {data.dtype}")
        ids = data
        if ids.dtype is not torch.int64:
            check_storage(where, "ids", ids)
            ids = ids.long()
        tokens = Tokens(ids, embedding.padding_idx, embedding.sparse)
        values = embedding.weight
        if values.dim() != 2:
            raise ValueError(
                f"{where}: expected a table of shape (V, I), got {tuple(values.shape)}"
            )
    if values.dtype != dtype and not torch._C._is_any_autocast_enabled():
        raise ValueError(
            f"{where}: expected input of the weights' dtype, {dtype}, got {values.dtype}; "
            f"convert input.to({dtype}) or module.to({values.dtype})"
        )
    if values.size(-1) != layers.input_size:
        raise RuntimeError(
            f"{where}: expected input of input_size = {layers.input_size} features, got "
            f"{tuple(values.shape)}"
        )
    return Call(values, states, layout, tokens)


def _as_states(layers: Layers, hx: Any) -> State | None:
    if hx is None:
        return None
    if layers.mode != "LSTM":
        return (hx,)
    return as_pair(type(layers).__name__, hx)


def as_pair(where: str, hx: Any) -> State:
    """The LSTM's states, (h, c)."""
    if isinstance(hx, Tensor) or not isinstance(hx, Sequence) or len(hx) != 2:
        got = f"a tensor of shape {tuple(hx.shape)}" if isinstance(hx, Tensor) else repr(hx)
        raise TypeError(f"{where}: expected hx of a pair (h, c), got {got}")
    return tuple(hx)


def _check_rank(where: str, states: State, rank: int) -> None:
    for name, state in zip(("h_0", "c_0"), states, strict=False):
        if state.dim() != rank:
            raise RuntimeError(
                f"{where}: expected {name} of {rank} dimensions beside "
                f"{'a batch' if rank == 3 else 'an input without a batch'}, got "
                f"{tuple(state.shape)}"
            )


def _check_states(layers: Layers, states: State, N: int, dtype: torch.dtype) -> None:
    where = type(layers).__name__
    rows = layers.num_layers * (2 if layers.bidirectional else 1)
    sizes = (layers.proj_size or layers.hidden_size, layers.hidden_size)
    for name, state, size in zip(("h_0", "c_0"), states, sizes, strict=False):
        if state.shape != (rows, N, size):
            letters = "(L*D, N, P)" if name == "h_0" and layers.proj_size else "(L*D, N, H)"
            raise RuntimeError(
                f"{where}: expected {name} of shape {letters} = {(rows, N, size)}, got "
                f"{tuple(state.shape)}"
            )
        if state.dtype != dtype and not torch._C._is_any_autocast_enabled():
            raise RuntimeError(
                f"{where}: expected {name} of the input's dtype, {dtype}, got {state.dtype}"
            )
