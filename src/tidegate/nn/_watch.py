"""Detects whether an output that backward reads was changed in place by its owner."""

import torch
from torch import Tensor

# What is made in inference mode, in which this may be imported, counts no changes.
with torch.inference_mode(False):
    _EMPTY = torch.empty(0, device="cpu")


def watch(output: Tensor) -> Tensor | None:
    """A tensor without memory that shares the count of changes of a new one.

    None where its changes cannot be told: it stands for one in a graph that is made, or a mode of
    torch sees every operation.
    """
    if type(output) is not Tensor or torch._C._len_torch_dispatch_stack() > 0:
        return None
    watched = output.detach()
    watched.data = _EMPTY
    return watched


def has_changed(watched: Tensor | None) -> bool:
    """Whether the tensor that is watched was written to in place."""
    return watched is not None and watched._version > 0
