"""Where the elements of a batch of sequences stand in the tensor that holds them."""

from typing import Literal, NamedTuple

import torch
from torch import _VF, Tensor, nn

# Named wherever a tensor is made, for the default may be another: one object, which costs less to
# hand over than its name does.
CPU = torch.device("cpu")


Kind = Literal["time", "batch", "packed", "ragged", "step"]


class Layout(NamedTuple):
    """The arrangement of a batch of N sequences of at most T steps.

    A tensor of sequences is (T, N, F) where ``kind`` is "time", (N, T, F) where it is "batch",
    (positions, F) where it is "packed", as in the data of a ``PackedSequence``, or "ragged", one
    row after the other, and (N, F) where it is "step", for T = 1 and one direction. States are
    (N, H) for a "step", else (D, N, H).
    """

    kind: Kind
    N: int
    T: int
    """At least as many steps as the longest row has."""
    lengths: Tensor | None
    """The steps of every row, (N,), int64, on the CPU; None where all have T, and if packed."""
    batch_sizes: Tensor | None
    """The rows that have a step, (T,), int64, on the CPU; for "packed" alone."""
    offsets: Tensor | None = None
    """Where each row begins, and the end of the last, (N+1,), int64, on the CPU; for "ragged"
    alone."""

    def clone(self) -> "Layout":
        """A copy with tensors of its own."""
        if self.lengths is None and self.batch_sizes is None:
            return self
        kept = (None if t is None else t.clone() for t in self[3:])
        return Layout(self.kind, self.N, self.T, *kept)

    def to_steps(self, data: Tensor) -> tuple[Tensor, Tensor | None]:
        """The sequences as (T, N, F), and the lengths of the rows."""
        if self.kind == "time":
            return data, self.lengths
        if self.kind == "batch":
            return data.transpose(0, 1), self.lengths
        if self.offsets is not None:
            return _ragged_to_steps(data, self.offsets, self.lengths), self.lengths
        assert self.batch_sizes is not None
        steps, lengths = _VF._pad_packed_sequence(data, self.batch_sizes, False, 0.0, self.T)
        return steps, lengths

    def from_steps(self, steps: Tensor, lengths: Tensor | None) -> Tensor:
        """The inverse of :meth:`to_steps`."""
        if self.kind == "time":
            return steps
        if self.kind == "batch":
            return steps.transpose(0, 1)
        assert lengths is not None
        if self.offsets is not None:
            rows = torch.repeat_interleave(lengths)
            at = torch.arange(rows.size(0), device=CPU) - self.offsets[rows]
            return steps[at.to(steps.device), rows.to(steps.device)]
        data: Tensor = _VF._pack_padded_sequence(steps, lengths, False)[0]
        return data

    def dropout(self, data: Tensor, p: float) -> Tensor:
        """Dropout that draws for the same elements in the same order as ``torch.nn.GRU`` does."""
        if self.kind != "batch":
            return nn.functional.dropout(data, p)
        # torch.nn's layers compute in (T, N, F) whatever the input's layout.
        scales = data.new_empty((self.T, self.N, data.size(2))).bernoulli_(1 - p)
        if p < 1:
            scales = scales.div_(1 - p)
        return data * scales.transpose(0, 1)


class Tokens(NamedTuple):
    """Ids that stand for rows of an embedding table."""

    ids: Tensor
    """int64, arranged by a :class:`Layout` without the features."""
    padding_idx: int | None = None
    """The row that gets no gradient."""
    is_sparse: bool = False
    """Whether the table's gradient is a sparse tensor of the rows that occur."""

    def embed(self, table: Tensor, layout: Layout) -> Tensor:
        """The rows of the table, (..., I); ids past a row's end may be any."""
        ids = self.ids
        if layout.lengths is not None and layout.offsets is None:
            mask = steps_of(layout.lengths, layout.T).to(ids.device)
            ids = ids.where(mask if layout.kind == "time" else mask.t(), 0)
        return nn.functional.embedding(
            ids, table, padding_idx=self.padding_idx, sparse=self.is_sparse
        )


def steps_of(lengths: Tensor, T: int) -> Tensor:
    """Which of T steps the rows have, (T, N), bool."""
    return torch.arange(T, device=CPU).unsqueeze(1) < lengths


def _ragged_to_steps(data: Tensor, offsets: Tensor, lengths: Tensor | None) -> Tensor:
    """The rows side by side, (T, N, F); past a row's end there are arbitrary positions."""
    assert lengths is not None
    T = int(lengths.max()) if lengths.size(0) else 0
    index = offsets[:-1] + torch.arange(T, device=CPU).unsqueeze(1)
    return data[index.where(steps_of(lengths, T), 0).to(data.device)]


def row_lengths(layout: Layout) -> Tensor | None:
    """The steps of every row, (N,), int64; None where all have T."""
    if layout.batch_sizes is None:
        return layout.lengths
    rows = torch.arange(layout.N, device=CPU)
    return (layout.batch_sizes.unsqueeze(0) > rows.unsqueeze(1)).sum(1)


def positions(layout: Layout) -> tuple[Tensor, Tensor]:
    """The position of row n at step t is ``rows[n] + steps[t]``: (N,) and (T,), int64."""
    if layout.offsets is not None:
        return layout.offsets[:-1], torch.arange(layout.T, device=CPU)
    if layout.batch_sizes is None:
        rows, steps = torch.arange(layout.N, device=CPU), torch.arange(layout.T, device=CPU)
        return (rows * layout.T, steps) if layout.kind == "batch" else (rows, steps * layout.N)
    steps = torch.zeros_like(layout.batch_sizes)
    torch.cumsum(layout.batch_sizes[:-1], 0, out=steps[1:])
    return torch.arange(layout.N, device=CPU), steps
