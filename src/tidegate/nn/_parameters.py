"""Parameters of modules: made, or refused where no memory could hold them."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from tidegate.memory import available_bytes

# Below, the system is not asked how much memory there is: it takes a fifth of a millisecond.
_LARGE_BYTES = 1 << 28


def make(
    where: str,
    shapes: Mapping[str, tuple[int, ...]],
    device: Any = None,
    dtype: torch.dtype | None = None,
) -> dict[str, nn.Parameter]:
    """Make parameters with uninitialised memory.

    Args:
        where: For messages.
        shapes: By the parameters' names.
        device, dtype: As of ``torch.empty``.

    Raises:
        ValueError: More bytes than 64 bits can count.
        MemoryError: More than this process may still take.
    """
    dtype_ = torch.get_default_dtype() if dtype is None else dtype
    total = 0
    for name, shape in shapes.items():
        total += math.prod(shape) * dtype_.itemsize
        if math.prod(max(size, 1) for size in shape) * dtype_.itemsize >= 1 << 63:
            raise ValueError(
                f"{where}: expected {name} of fewer than 2^63 bytes, got shape {shape} of {dtype_}"
            )
    if total >= _LARGE_BYTES and _takes_memory(device):
        limit = available_bytes()
        if limit is not None and total > limit[0]:
            raise MemoryError(
                f"{where}: expected parameters of at most the {limit[0]:,} bytes {limit[1]}, got "
                f"{total:,} bytes: {', '.join(f'{n} {s}' for n, s in shapes.items())}"
            )
    return {
        name: nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        for name, shape in shapes.items()
    }


def _takes_memory(device: Any) -> bool:
    """Whether tensors made there lie in this process's memory, and are no stand-ins."""
    if torch._C._len_torch_dispatch_stack() > 0:
        return False
    given = torch.get_default_device() if device is None else torch.device(device)
    return given.type == "cpu"
