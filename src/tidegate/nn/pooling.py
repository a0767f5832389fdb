"""One vector for every row of a ragged batch: its last step, mean, maximum, or what is attended.

A batch is flat: values (P, F), one row after the other, and offsets (N+1,) that say where each row
begins and where the last one ends. A row without steps gives zeros, NaN of a row stay in that row,
and no row's result depends on the rows beside it.
"""

from typing import Any

import torch
from torch import Tensor, nn

from tidegate.nn import _graphs, _parameters, _path
from tidegate.nn._lengths import check_offsets

HOWS = ("last", "mean", "max", "mean+max")


def pool(values: Tensor, offsets: Any, how: str, *, bidirectional: bool = False) -> Tensor:
    """Pool the steps of every row.

    Args:
        values: (P, F), of a floating dtype.
        offsets: (N+1,), int64 or int32, ascending from 0 to P.
        how: ``"last"``, ``"mean"``, ``"max"``, or ``"mean+max"``, the one beside the other. The
            gradient of a maximum goes to its first occurrence.
        bidirectional: Whether the second half of the features is a backward direction's, whose
            last step is the row's first. It changes ``"last"`` alone.

    Returns:
        (N, F), or (N, 2F) for ``"mean+max"``.

    Raises:
        TypeError: Offsets of another dtype.
        ValueError: There is no such ``how``, values of another rank, offsets that do not ascend
            from 0 to P, or an odd F of two directions.
        RuntimeError: Offsets of another rank.
    """
    if how not in HOWS:
        choices = ", ".join(map(repr, HOWS))
        raise ValueError(f"pool: expected how of {choices}, got {how!r}")
    offsets, lengths = _checked("pool", values, offsets)
    if how == "last":
        return _last(values, offsets, lengths, bidirectional)
    if _path.takes_call(values):
        return _path.pool(values, offsets, how)
    parts = []
    if "mean" in how:
        parts.append(_mean(values, lengths))
    if "max" in how:
        parts.append(_maxima_with_gradient(values, offsets, lengths))
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


class AttentionPooling(nn.Module):
    """A mean of every row's steps, weighted by the softmax of a learned score.

        score = weight . x;   a = softmax of the scores of a row;   pooled = sum of a x

    The weights start at zero, and the pooling as the mean. (A bias would cancel in the softmax.)

    Parameters: ``weight`` (F,).

    Args:
        input_size: F, the features of a step.
        device, dtype: Of the parameter.

    Call with:
        values: (P, F).
        offsets: As of :func:`pool`.

    Returns:
        (N, F).

    Raises:
        RuntimeError: Values of another number of features; the rest as :func:`pool`.
    """

    def __init__(
        self, input_size: int, device: Any = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        shapes = {"weight": (input_size,)}
        self.weight = _parameters.make("AttentionPooling", shapes, device, dtype)["weight"]
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weights to zero: every step counts the same."""
        nn.init.zeros_(self.weight)

    def extra_repr(self) -> str:
        """The arguments."""
        return str(self.input_size)

    def forward(self, values: Tensor, offsets: Any) -> Tensor:
        """Pool the steps of every row; the arguments and result are those of the class."""
        if _graphs.are_symbols(values, offsets):
            return _graphs.leaf(self, values, offsets)  # type: ignore[no-any-return]
        offsets, lengths = _checked("AttentionPooling", values, offsets)
        if values.size(1) != self.input_size:
            raise RuntimeError(
                f"AttentionPooling: expected values of input_size = {self.input_size} features, "
                f"got {tuple(values.shape)}"
            )
        scores = (values * self.weight).sum(1, keepdim=True)
        # The shift cancels; with it no exponential is above 1, and one of a row is 1.
        shift = _maxima(scores.detach(), lengths)
        weights = torch.exp(scores - _spread(shift, lengths, values.size(0)))
        total = _sum(weights, lengths).where(lengths.unsqueeze(1) > 0, 1)
        return _sum(weights * values, lengths) / total


def _checked(where: str, values: Tensor, offsets: Any) -> tuple[Tensor, Tensor]:
    """The offsets and the lengths, where the values are."""
    if values.dim() != 2:
        raise ValueError(f"{where}: expected values of shape (P, F), got {tuple(values.shape)}")
    offsets, lengths, _ = check_offsets(where, offsets, values.size(0))
    return offsets.to(values.device), lengths.to(values.device)


def _rows(lengths: Tensor, values: Tensor) -> Tensor:
    """The row of every position, as an index of ``values``, without memory for the features."""
    rows = torch.repeat_interleave(lengths, output_size=values.size(0))
    return rows.unsqueeze(1).expand_as(values)


def _spread(vectors: Tensor, lengths: Tensor, num_positions: int) -> Tensor:
    """The vector of its row for every position, (P, F)."""
    return torch.repeat_interleave(vectors, lengths, 0, output_size=num_positions)


def _sum(values: Tensor, lengths: Tensor) -> Tensor:
    """The sum of every row, step by step in their order, (N, F)."""
    zeros = values.new_zeros((lengths.size(0), values.size(1)))
    return zeros.scatter_add(0, _rows(lengths, values), values)


def _mean(values: Tensor, lengths: Tensor) -> Tensor:
    """The mean of every row, (N, F)."""
    return _sum(values, lengths) / lengths.clamp(min=1).unsqueeze(1)


def _maxima(values: Tensor, lengths: Tensor) -> Tensor:
    """The maximum of every row, (N, F), to be called without gradients."""
    return _extremes(values, lengths, "amax")


def _extremes(values: Tensor, lengths: Tensor, reduce: str) -> Tensor:
    zeros = values.new_zeros((lengths.size(0), values.size(1)))
    return zeros.scatter_reduce(0, _rows(lengths, values), values, reduce, include_self=False)


def _maxima_with_gradient(values: Tensor, offsets: Tensor, lengths: Tensor) -> Tensor:
    """The maximum of every row, (N, F), by operations that any graph takes."""
    if not _takes_gradient(values):
        return _maxima(values, lengths)
    if values.size(0) == 0:
        return values.sum(0).expand(lengths.size(0), -1)  # zeros, and part of the graph
    positions = first_maxima(values.detach(), offsets)
    return values.gather(0, positions).where(lengths.unsqueeze(1) > 0, 0)


def _takes_gradient(values: Tensor) -> bool:
    return torch.is_grad_enabled() and values.requires_grad


def _last(values: Tensor, offsets: Tensor, lengths: Tensor, bidirectional: bool) -> Tensor:
    F = values.size(1)
    if bidirectional and F % 2:
        raise ValueError(f"pool: expected an even F of two directions, got F = {F}")
    if values.size(0) == 0:
        return values.sum(0).expand(lengths.size(0), -1)
    at_ends = values.index_select(0, (offsets[1:] - 1).clamp(min=0))
    if bidirectional:
        # An empty last row begins where nothing stands any more.
        first = values.index_select(0, offsets[:-1].clamp(max=values.size(0) - 1))
        at_ends = torch.cat([at_ends[:, : F // 2], first[:, F // 2 :]], 1)
    return at_ends.where(lengths.unsqueeze(1) > 0, 0)


@torch.library.custom_op("tidegate::first_maxima", mutates_args=())
def first_maxima(values: Tensor, offsets: Tensor) -> Tensor:
    """The position where the maximum of every row first stands, (N, F), int64.

    A NaN is above all. A row without steps has zeros.
    """
    if _path.takes_call(values):
        return _path.first_maxima(values, offsets)
    lengths = offsets.diff()
    maxima = _spread(_maxima(values, lengths), lengths, values.size(0))
    is_top = (values == maxima) | values.isnan()
    places = torch.arange(values.size(0), device=values.device).unsqueeze(1)
    return _extremes(places.where(is_top, values.size(0)), lengths, "amin")


@first_maxima.register_fake
def _(values: Tensor, offsets: Tensor) -> Tensor:
    return offsets.new_empty((offsets.size(0) - 1, values.size(1)))
