"""The engine's plans of batches: made once for both directions of a layer, forward and backward."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from tidegate import engine
from tidegate.nn._layout import Kind, Layout, positions, row_lengths
from tidegate.nn._memory import DTYPES, address


class Plan(NamedTuple):
    """The plan of a layer over one batch."""

    planned: engine.LayerPlan
    values_shape: torch.Size
    """The shape of the sequences, or with ids of the embedding table, that it was made for."""
    lengths: Tensor | None
    """The steps of every row, (N,), int64; None where all have T."""
    kept: tuple[Tensor, ...]
    """Tensors that the engine reads where they are as long as the plan is used."""


def make(
    cell: str,
    values: Tensor,
    ids: Tensor | None,
    layout: Layout,
    *,
    hidden_size: int,
    num_directions: int,
    has_state: bool,
) -> Plan:
    """Plan a layer over a batch.

    Args:
        values: The sequences, or with ids the embedding table, (V, I).
        ids: Dense, arranged by the layout; may not change while the plan is used.
        has_state: Whether the layer is given initial states.

    Raises:
        IndexError: An id outside the table.
    """
    kind, N, T, dtype = layout.kind, layout.N, layout.T, values.dtype
    is_padded = kind not in ("packed", "ragged")
    if is_padded and ids is None and layout.lengths is None:
        threads = engine.num_threads()
        return _of_full_rows(
            cell, dtype, kind, N, T, values.shape, hidden_size, num_directions, threads
        )
    lengths = row_lengths(layout)
    rows, steps = _padded_positions(kind, N, T) if is_padded else positions(layout)
    planned = engine.LayerPlan(
        cell=cell,
        dtype=DTYPES[dtype],
        num_rows=N,
        num_steps=T,
        input_size=values.size(-1),
        hidden_size=hidden_size,
        row_offset=address(rows),
        step_offset=address(steps),
        lengths=address(lengths),
        pad=is_padded,
        ids=address(ids),
        num_embeddings=0 if ids is None else values.size(0),
        has_state=has_state,
        backwards=num_directions == 2,
    )
    kept = tuple(tensor for tensor in (rows, steps, lengths, ids) if tensor is not None)
    return Plan(planned, values.shape, lengths, kept)


@lru_cache(maxsize=64)
def _of_full_rows(
    cell: str,
    dtype: torch.dtype,
    kind: Kind,
    N: int,
    T: int,
    shape: torch.Size,
    hidden_size: int,
    num_directions: int,
    num_threads: int,
) -> Plan:
    """The plan of a batch whose rows all have T steps: its sizes and the threads say it all."""
    rows, steps = _padded_positions(kind, N, T)
    planned = engine.LayerPlan(
        cell=cell,
        dtype=DTYPES[dtype],
        num_rows=N,
        num_steps=T,
        input_size=shape[-1],
        hidden_size=hidden_size,
        row_offset=address(rows),
        step_offset=address(steps),
        pad=True,
        has_state=True,
        backwards=num_directions == 2,
    )
    return Plan(planned, shape, None, (rows, steps))


@lru_cache(maxsize=64)
def _padded_positions(kind: Kind, N: int, T: int) -> tuple[Tensor, Tensor]:
    return positions(Layout(kind, N, T, None, None))
