"""Adam as Keras computes it."""

import math
from collections.abc import Iterable

import torch
from torch import nn


class KerasAdam(torch.optim.Adam):
    """Adam with epsilon where Keras has it.

    PyTorch divides by sqrt(v / (1 - beta2^t)) + epsilon, Keras by (sqrt(v) + epsilon) / sqrt(1 -
    beta2^t) (Kingma and Ba 2015, end of section 2: "epsilon hat"). The two agree when PyTorch's
    epsilon is divided by sqrt(1 - beta2^t) at step t; at first that is a factor of 32.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-7,
    ) -> None:
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        super().__init__(trained, lr=lr, betas=betas, eps=epsilon, fused=True)
        self.epsilon = epsilon
        self.num_steps = 0

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move the parameters by one step."""
        self.num_steps += 1
        for group in self.param_groups:
            group["eps"] = self.epsilon / math.sqrt(1 - group["betas"][1] ** self.num_steps)
        super().step(closure)
