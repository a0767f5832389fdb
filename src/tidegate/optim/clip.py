"""Clipping by the norm of all gradients together, dense ones and rows of tables."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from tidegate import engine
from tidegate.optim._tensors import DTYPES, check, distinct_rows


@torch.no_grad()
def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float) -> Tensor:
    """Scale gradients in place so that their common norm is at most ``max_norm``.

    As ``torch.nn.utils.clip_grad_norm_``: with norm = sqrt(sum of all squares), every gradient is
    multiplied by min(1, max_norm / (norm + 1e-6)). The squares are summed in float64, in an order
    that the number of threads does not change. A sparse gradient counts as the rows it sums up to,
    and is left coalesced.

    Args:
        parameters: Those without a gradient are passed over.
        max_norm: At least 0.

    Returns:
        The norm before, a float64 scalar; 0 without gradients. Where it is not finite, so are the
        gradients afterwards, or they are 0, as with torch's.

    Raises:
        ValueError: A negative ``max_norm``, or a gradient the engine does not compute in.
    """
    if not max_norm >= 0:
        raise ValueError(f"clip_grad_norm_: expected max_norm of at least 0, got {max_norm}")
    spans: dict[torch.dtype, list[tuple[int, int]]] = {}
    keep = []
    for parameter in [parameters] if isinstance(parameters, Tensor) else parameters:
        if parameter.grad is None:
            continue
        check("clip_grad_norm_", "gradients", parameter.grad)
        values = _values_in_place(parameter)
        keep.append(values)
        spans.setdefault(values.dtype, []).append((values.data_ptr(), values.numel()))
    arrays = {DTYPES[dtype]: np.array(rows, np.int64) for dtype, rows in spans.items()}
    squares = sum(engine.sum_of_squares(dtype, rows) for dtype, rows in arrays.items())
    norm = torch.tensor(squares, dtype=torch.float64).sqrt_()
    # Not min(1, ...): a norm that is no number must show in the gradients.
    factor = max_norm / (norm.item() + 1e-6)
    if not factor >= 1:
        for dtype, rows in arrays.items():
            engine.multiply(dtype, rows, factor)
    return norm


def _values_in_place(parameter: Tensor) -> Tensor:
    """The elements of a gradient as one array; the gradient becomes such where it is not."""
    gradient = parameter.grad
    assert gradient is not None
    if gradient.is_sparse:
        ids, values = distinct_rows(gradient)
        parameter.grad = torch.sparse_coo_tensor(
            ids.unsqueeze(0), values, gradient.shape, check_invariants=False, is_coalesced=True
        )
        return parameter.grad._values()
    if not gradient.is_contiguous():
        parameter.grad = gradient = gradient.contiguous()
    return gradient
