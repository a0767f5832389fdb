"""Pooling by the engine: a direct call, or a node of autograd's graph."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from tidegate import engine
from tidegate.nn import _graphs
from tidegate.nn._memory import DTYPES, dense


def pool(values: Tensor, offsets: Tensor, how: str) -> Tensor:
    """As :func:`tidegate.nn.pool`, which has checked: ``"mean"``, ``"max"`` or ``"mean+max"``."""
    if torch.is_grad_enabled() and values.requires_grad:
        pooled: Tensor = TidegatePool.apply(values, offsets, how)  # type: ignore[no-untyped-call]
        return pooled
    return _pooled(values, offsets, how)


def first_maxima(values: Tensor, offsets: Tensor) -> Tensor:
    """As :func:`tidegate.nn.pooling.first_maxima`."""
    first = offsets.new_empty((offsets.size(0) - 1, values.size(1)))
    _pooled(values, offsets, "max", first)
    return first


class TidegatePool(Function):
    """Pooling as a node, by the name that profiles show.

    A gradient that is to be differentiated again, or comes in batches, is made by torch.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, offsets: Tensor, how: str) -> Tensor:
        first = None
        if "max" in how:
            first = offsets.new_empty((offsets.size(0) - 1, values.size(1)))
        pooled = _pooled(values, offsets, how, first)
        ctx.how, ctx.num_positions = how, values.size(0)
        # A copy: the caller may reuse the tensor for the next batch.
        ctx.save_for_backward(offsets.clone(), first)
        return pooled

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        offsets, first = ctx.saved_tensors
        for_torch = torch.is_grad_enabled() or _graphs.have_batched(grad)
        run = _differentiable if for_torch else _gradient
        return run(grad, offsets, first, ctx.how, ctx.num_positions), None, None


def _pooled(values: Tensor, offsets: Tensor, how: str, first: Tensor | None = None) -> Tensor:
    """Pool; where there are maxima, ``first`` gets their positions."""
    source = dense("pool", "values", values)
    N, F = offsets.size(0) - 1, source.size(1)
    pooled = source.new_empty((N, _num_parts(how) * F))
    mean, maxima = _addresses(pooled, how)
    engine.pool_rows(
        dtype=DTYPES[source.dtype],
        num_rows=N,
        num_positions=source.size(0),
        num_features=F,
        offsets=offsets.data_ptr(),
        values=source.data_ptr(),
        mean=mean,
        maxima=maxima,
        stride=pooled.size(1),
        first=0 if first is None else first.data_ptr(),
    )
    return pooled


def _gradient(
    grad: Tensor, offsets: Tensor, first: Tensor | None, how: str, num_positions: int
) -> Tensor:
    """The gradient of the values, (P, F)."""
    source = dense("pool", "the gradient", grad)
    F = source.size(1) // _num_parts(how)
    total = source.new_empty((num_positions, F))
    grad_mean, grad_maxima = _addresses(source, how)
    engine.unpool_rows(
        dtype=DTYPES[source.dtype],
        num_rows=offsets.size(0) - 1,
        num_positions=num_positions,
        num_features=F,
        offsets=offsets.data_ptr(),
        grad_mean=grad_mean,
        grad_maxima=grad_maxima,
        stride=source.size(1),
        first=0 if first is None else first.data_ptr(),
        grad_values=total.data_ptr(),
    )
    return total


def _differentiable(
    grad: Tensor, offsets: Tensor, first: Tensor | None, how: str, num_positions: int
) -> Tensor:
    """The same as a function of ``grad`` that any graph takes."""
    lengths, parts = offsets.diff().unsqueeze(1), [*grad.chunk(_num_parts(how), 1)]
    total = grad.new_zeros((num_positions, parts[0].size(1)))
    if "mean" in how:
        share = parts.pop(0) / lengths.clamp(min=1)
        total = share.repeat_interleave(lengths.squeeze(1), 0, output_size=num_positions)
    if first is not None and num_positions > 0:
        # A row without steps has no maximum, though its position is 0.
        total = total.scatter_add(0, first, parts[0].where(lengths > 0, 0))
    return total


def _num_parts(how: str) -> int:
    return 2 if how == "mean+max" else 1


def _addresses(pooled: Tensor, how: str) -> tuple[int, int]:
    """Where means and maxima begin, side by side or alone; 0 for what there is not."""
    start = pooled.data_ptr()
    if how == "mean+max":
        return start, start + pooled.size(1) // 2 * pooled.element_size()
    return (start, 0) if how == "mean" else (0, start)
