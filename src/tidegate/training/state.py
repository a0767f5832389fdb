"""The whole state of a training at one step, as arrays and JSON for a checkpoint.

It includes no random generator: batches and dropout masks are functions of (seed, epoch, step).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.optim import Adam
from tidegate.storage import schema
from tidegate.storage.schema import Between
from tidegate.training.history import Epoch

Arrays = dict[str, NDArray[Any]]


@dataclass
class Progress:
    """The progress of a training: step, epoch, losses and scores so far."""

    step: int = 0
    """Steps made, over all epochs."""
    position: int = 0
    """Batches done in the current epoch."""
    loss_sum: float = 0.0
    """Sum of the losses over the examples of the current epoch."""
    score_sum: float = 0.0
    """Sum of the scores over the examples of the current epoch."""
    num_seen: int = 0
    """Examples done in the current epoch."""
    epochs: list[Epoch] = field(default_factory=list)
    """The completed epochs."""
    best_loss: float | None = None
    """The lowest validation loss so far."""
    best_epoch: int = 0
    """The epoch with that loss, from 1; 0 before the first."""
    log_bytes: Annotated[int, Between(0)] = 0
    """Length of the log file at this step, in bytes."""
    step_ms: list[float] = field(default_factory=list)
    """Wall time of every step: the only value that differs in a resumed run."""

    @property
    def epoch(self) -> int:
        """The current epoch, from 1."""
        return len(self.epochs) + 1


@dataclass
class State:
    """The state of a training: model, optimiser and progress."""

    model: nn.Module
    optimiser: Adam
    progress: Progress
    best: dict[str, Tensor] | None = None
    """The model's ``state_dict`` after its best epoch, where the recipe keeps it."""

    def pack(self) -> tuple[Arrays, dict[str, Any]]:
        """The state as arrays and JSON values."""
        arrays = _named("model", self.model.state_dict())
        optimiser = self.optimiser.state_dict()
        plain = {}
        for number, values in optimiser["state"].items():
            tensors = {name: value for name, value in values.items() if isinstance(value, Tensor)}
            arrays |= _named(f"optimiser.{number}", tensors)
            plain[str(number)] = {
                name: value for name, value in values.items() if name not in tensors
            }
        if self.best is not None:
            arrays |= _named("best", self.best)
        return arrays, {
            "progress": asdict(self.progress),
            # Without the groups: the recipe makes them, and each step sets their rates.
            "optimiser": {
                name: value for name, value in optimiser.items() if name != "param_groups"
            }
            | {"state": plain},
        }

    def unpack(self, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> None:
        """Restore what :meth:`pack` returned, into a model and optimiser of the same recipe."""
        self.model.load_state_dict(_under("model", arrays))
        self.optimiser.load_state_dict(
            {
                **state["optimiser"],
                "param_groups": self.optimiser.state_dict()["param_groups"],
                "state": {
                    int(number): {**plain, **_under(f"optimiser.{number}", arrays)}
                    for number, plain in state["optimiser"]["state"].items()
                },
            }
        )
        self.best = _under("best", arrays) or None
        self.progress = schema.build(Progress, state["progress"], "progress")


def _named(prefix: str, tensors: Mapping[str, Tensor]) -> Arrays:
    return {f"{prefix}.{name}": tensor.detach().numpy() for name, tensor in tensors.items()}


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {
        name.removeprefix(start): torch.from_numpy(np.array(array))
        for name, array in arrays.items()
        if name.startswith(start)
    }
