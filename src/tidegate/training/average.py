"""The moving average of the weights, which generalises better than where they stand.

Source: Polyak and Juditsky 1992; the exponential form as in Miyato et al. 2017, section 5.
"""

import torch
from torch import Tensor, nn

EVERY = 20
"""Steps between two updates: an average over hundreds of steps needs no more, and embeddings
would cost a pass over memory each."""


class Average:
    """An exponential moving average of all parameters.

        average <- d average + (1 - d) parameters, d = decay ** EVERY

    at first with the smaller d = (1 + n) / (10 + n) of the n-th update, so that it forgets where
    training began.

    Args:
        model: Whose parameters, as they are now.
        decay: Per step.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.num_updates = 0
        self.tensors = {name: p.detach().clone() for name, p in model.named_parameters()}

    def is_due(self, step: int) -> bool:
        """Whether :meth:`update` belongs after this step, counted from 1."""
        return step % EVERY == 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Let the parameters of now count."""
        decay = min(self.decay**EVERY, (1 + self.num_updates) / (10 + self.num_updates))
        self.num_updates += 1
        for name, parameter in model.named_parameters():
            self.tensors[name].lerp_(parameter, 1 - decay)

    def of(self, model: nn.Module) -> dict[str, Tensor]:
        """The model's ``state_dict`` with the average for its parameters, once there is one."""
        return {**model.state_dict(), **(self.tensors if self.num_updates else {})}
