"""Pooling over time: a vector for each sequence from the states of its steps."""

import torch
from torch import Tensor, nn

from tidegate.inference.architecture import HORIZON, POOLINGS
from tidegate.nn import AttentionPooling, pool


class Pooled(nn.Module):
    """Pooling over time by name, without padding.

    Args:
        kind: "last", the states at each end; "mean"; "max"; "mean+max", side by side;
            "mean+max+last"; "attention"; or "horizon", the states of each sequence's last steps.
        width: F, the number of features of a step.
        horizon: H, the number of last steps for "horizon", at most a sequence's length.

    Call with:
        states: (P, F); final: the states at each end, (N, F); offsets: (N + 1,).

    Returns:
        (N, :attr:`width`); for "horizon" (N * H, F).
    """

    def __init__(self, kind: str, width: int, horizon: int = 0) -> None:
        super().__init__()
        if kind not in POOLINGS:
            raise ValueError(f"pooling: expected one of {', '.join(POOLINGS)}, got {kind!r}")
        self.kind, self.horizon = kind, horizon
        self.width = width * (kind.count("+") + 1)
        if kind == "attention":
            self.attention = AttentionPooling(width)

    def forward(self, states: Tensor, final: Tensor, offsets: Tensor) -> Tensor:
        """Pool a batch; arguments and result as in the class docstring."""
        if self.kind == "last":
            return final
        if self.kind == "attention":
            pooled: Tensor = self.attention(states, offsets)
            return pooled
        if self.kind == HORIZON:
            ahead = torch.arange(-self.horizon, 0, device=states.device)
            return states.index_select(0, (offsets[1:, None] + ahead).reshape(-1))
        if self.kind == "mean+max+last":
            return torch.cat([pool(states, offsets, "mean+max"), final], 1)
        return pool(states, offsets, self.kind)
