"""Clipping by the norm of all gradients together, dense ones and rows of tables."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate import engine
from tidegate.optim._tensors import DTYPES, check, distinct_rows, rows_of
from tidegate.tensors import check_memory


@torch.no_grad()
def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float) -> Tensor:
    """Scale gradients in place so that their common norm is at most ``max_norm``.

    As ``torch.nn.utils.clip_grad_norm_``: with norm = sqrt(sum of all squares), every gradient is
    multiplied by min(1, max_norm / (norm + 1e-6)). The squares are summed in float64, in an order
    that the number of threads does not change. A sparse gradient counts as the rows it sums up to;
    its parts stay apart.

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
    sums: dict[str, list[tuple[int, int]]] = {}
    parts: dict[str, list[tuple[int, int]]] = {}
    keep = []
    for parameter in [parameters] if isinstance(parameters, Tensor) else parameters:
        if parameter.grad is None:
            continue
        check("clip_grad_norm_", "gradients", parameter.grad, may_be_sparse=True)
        values = _values_in_place(parameter)
        summed = distinct_rows(parameter.grad)[1] if parameter.grad.is_sparse else values
        keep += [values, summed]
        for by_dtype, tensor in ((sums, summed), (parts, values)):
            by_dtype.setdefault(DTYPES[tensor.dtype], []).append(
                (tensor.data_ptr(), tensor.numel())
            )
    squares = sum(engine.sum_of_squares(dtype, _array(spans)) for dtype, spans in sums.items())
    norm = torch.tensor(squares, dtype=torch.float64, device="cpu").sqrt_()
    # Not min(1, ...): a norm of NaN must reach the gradients.
    factor = max_norm / (norm.item() + 1e-6)
    if not factor >= 1:
        for dtype, spans in parts.items():
            engine.multiply(dtype, _array(spans), factor)
    return norm


def _array(spans: list[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array(spans, np.int64)


def _values_in_place(parameter: Tensor) -> Tensor:
    """The elements of a gradient, which is made contiguous where it is not."""
    gradient = parameter.grad
    assert gradient is not None
    if gradient.is_sparse:
        ids, values = rows_of(gradient)
        if values.data_ptr() != gradient._values().data_ptr():
            parameter.grad = torch.sparse_coo_tensor(
                ids.unsqueeze(0),
                values,
                gradient.shape,
                device=values.device,
                check_invariants=False,
                is_coalesced=gradient.is_coalesced(),
            )
        return values
    check_memory("clip_grad_norm_", "gradients", gradient)
    if not gradient.is_contiguous():
        parameter.grad = gradient = gradient.contiguous()
    return gradient
