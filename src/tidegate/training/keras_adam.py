"""Adam as Keras computes it on TensorFlow."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class KerasAdam(torch.optim.Optimizer):
    """Adam with two habits of Keras that change what is learnt.

    - Epsilon stands where Kingma and Ba 2015 have their "epsilon hat" (end of section 2):
      lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon). PyTorch adds it to
      sqrt(v / (1 - beta2^t)), at first a factor of 32 away.
    - The gradient of an embedding comes as one row for every place where a token stands. The first
      moment follows the sum of a token's rows; the second follows the sum of their squares, where
      the square of the sum would be the formula. So a word that stands in one batch many times
      moves by larger steps. That is Keras 3.15 on TensorFlow; on JAX it takes the sum's square.

    Embeddings must be made with ``sparse=True``, which is what keeps the rows apart in PyTorch.

    Args:
        parameters: What to train; those that need no gradient are passed over.
        lr: Step size.
        betas: Decay of the two moments.
        epsilon: Epsilon hat.
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
        super().__init__(trained, {"lr": lr, "betas": betas, "epsilon": epsilon})
        self.num_steps = 0
        self._scratch: dict[nn.Parameter, Tensor] = {}

    def state_dict(self) -> dict[str, Any]:
        """The moments, and the number of steps."""
        return {**super().state_dict(), "num_steps": self.num_steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what :meth:`state_dict` gave."""
        rest = dict(state_dict)
        self.num_steps = rest.pop("num_steps")
        super().load_state_dict(rest)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move the parameters that have a gradient by one step."""
        self.num_steps += 1
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            correction = math.sqrt(1 - beta2**self.num_steps) / (1 - beta1**self.num_steps)
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["m"], state["v"] = (
                        torch.zeros_like(parameter),
                        torch.zeros_like(parameter),
                    )
                m, v = state["m"], state["v"]
                work = self._work(parameter)
                self._approach(m, parameter.grad, 1 - beta1, work, square=False)
                self._approach(v, parameter.grad, 1 - beta2, work, square=True)
                torch.sqrt(v, out=work).add_(group["epsilon"])
                parameter.addcdiv_(m, work, value=-group["lr"] * correction)

    def _work(self, parameter: nn.Parameter) -> Tensor:
        """Memory for a step; a fresh block of a table's size would cost more than the sums."""
        if parameter not in self._scratch:
            self._scratch[parameter] = torch.empty_like(parameter)
        return self._scratch[parameter]

    @staticmethod
    def _approach(
        moment: Tensor, gradient: Tensor, share: float, work: Tensor, *, square: bool
    ) -> None:
        """Move a moment by a share of its way to a gradient, or to its parts' squares' sum."""
        parts = gradient._values() if gradient.is_sparse else gradient
        if square:
            parts = parts.square()
        if gradient.is_sparse:
            parts = work.zero_().index_add_(0, gradient._indices()[0], parts)
        moment.lerp_(parts, share)
