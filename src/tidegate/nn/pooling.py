"""One vector for every row of a ragged batch: its last step, mean, maximum, or what is attended.

A batch is flat: values (P, F), one row after the other, and offsets (N+1,) that say where each row
begins and where the last one ends. A row without steps gives zeros, NaN of a row stay in that row,
and no row's result depends on the rows beside it.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import Function

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
    if _takes_gradient(values) and not _is_transformed():
        pooled: Tensor = _Pool.apply(values, offsets, lengths, how)  # type: ignore[no-untyped-call]
        return pooled
    parts = []
    if "mean" in how:
        parts.append(_mean(values, lengths))
    if "max" in how:
        parts.append(_maxima_with_gradient(values, offsets, lengths))
    return _side_by_side(parts)


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
        self.weight = nn.Parameter(torch.empty(input_size, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weights to zero: every step counts the same."""
        nn.init.zeros_(self.weight)

    def extra_repr(self) -> str:
        """The arguments."""
        return str(self.input_size)

    def forward(self, values: Tensor, offsets: Any) -> Tensor:
        """Pool the steps of every row; the arguments and result are those of the class."""
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
    zeros = values.new_zeros((lengths.size(0), values.size(1)))
    return zeros.scatter_reduce(0, _rows(lengths, values), values, "amax", include_self=False)


def _maxima_with_gradient(values: Tensor, offsets: Tensor, lengths: Tensor) -> Tensor:
    """The maximum of every row, (N, F), by operations that any graph takes."""
    if not _takes_gradient(values):
        return _maxima(values, lengths)
    if values.size(0) == 0:
        return values.sum(0).expand(lengths.size(0), -1)  # zeros, and part of the graph
    _, positions = first_maxima(values.detach(), offsets)
    return values.gather(0, positions).where(lengths.unsqueeze(1) > 0, 0)


def _takes_gradient(values: Tensor) -> bool:
    return torch.is_grad_enabled() and values.requires_grad


def _is_transformed() -> bool:
    """Whether a graph is compiled, or a transform of torch.func is under way."""
    return torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is not None


def _side_by_side(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


class _Pool(Function):
    """Mean, maximum, or both, with one gradient of the values' size made at once.

    PyTorch's own gradients of a maximum by rows cost 3 ms (segment_reduce), 5 (index_reduce) and 16
    (scatter_reduce), and are shared among ties; this one costs 0.8 and is not. (16,000 positions,
    128 features, 64 rows, one thread of a busy AMD EPYC with AVX-512, time of the CPU.)
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, offsets: Tensor, lengths: Tensor, how: str) -> Tensor:
        parts, positions = [], None
        if "mean" in how:
            parts.append(_mean(values, lengths))
        if "max" in how:
            maxima, positions = first_maxima(values, offsets)
            parts.append(maxima)
        ctx.how, ctx.num_positions = how, values.size(0)
        ctx.save_for_backward(lengths, positions)
        return _side_by_side(parts)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        lengths, positions = ctx.saved_tensors
        P, parts = ctx.num_positions, [*grad.chunk(2 if ctx.how == "mean+max" else 1, 1)]
        if "mean" in ctx.how:
            share = parts.pop(0) / lengths.clamp(min=1).unsqueeze(1)
            total = _spread(share, lengths, P)
        else:
            total = grad.new_zeros((P, grad.size(1)))
        if "max" in ctx.how and P > 0:
            # A row without steps has no maximum anywhere, though it points somewhere.
            total = total.scatter_add_(0, positions, parts[0].where(lengths.unsqueeze(1) > 0, 0))
        return total, None, None, None


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


_PIECE = 1024  # positions: some hundred kB, which stay in a core's cache while they are compared


@torch.library.custom_op("tidegate::first_maxima", mutates_args=())
def first_maxima(values: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """The maximum of every row, (N, F), and the position where it first stands, (N, F), int64.

    A NaN is above all. A row without steps has zeros in both. Time grows with the number of ties.
    """
    lengths = offsets[1:] - offsets[:-1]
    maxima = _maxima(values, lengths)
    # NumPy compares, and finds what is true, several times as fast as torch on one thread.
    data, tops = _as_array(values), _as_array(maxima)
    rows = _as_array(torch.repeat_interleave(lengths, output_size=values.size(0)))
    has_nan = bool(np.isnan(tops).any())
    positions = np.zeros(tops.shape, np.int64)
    # Backwards, for of several to the same place the last one stays.
    for first in reversed(range(0, len(data), _PIECE)):
        piece = data[first : first + _PIECE]
        is_top = piece == tops.take(rows[first : first + _PIECE], 0)
        if has_nan:
            is_top |= np.isnan(piece)
        at, feature = np.divmod(np.flatnonzero(is_top)[::-1], tops.shape[1])
        positions[rows[first + at], feature] = first + at
    return maxima, torch.from_numpy(positions).to(values.device)


@first_maxima.register_fake
def _(values: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    shape = (offsets.size(0) - 1, values.size(1))
    return values.new_empty(shape), offsets.new_empty(shape)


def _as_array(tensor: Tensor) -> Any:
    """A tensor for NumPy, which knows no bfloat16."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()
