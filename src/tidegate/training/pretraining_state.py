"""State of a language model's training for checkpoints, hidden states included."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.training.state import Arrays, State


@dataclass
class PretrainingState(State):
    """Model, optimiser, progress, and the hidden states after the last window."""

    carried: list[Any] = field(default_factory=list)
    """For each direction h, or (h, c) of an LSTM, each (1, number of streams, H); None before an
    epoch's first window."""

    def pack(self) -> tuple[Arrays, dict[str, Any]]:
        """The state as arrays and JSON values."""
        arrays, state = super().pack()
        for direction, carried in enumerate(self.carried):
            for place, part in enumerate(_parts(carried)):
                arrays[f"carried.{direction}.{place}"] = part.numpy()
        return arrays, {**state, "num_directions": len(self.carried)}

    def unpack(self, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> None:
        """Restore what :meth:`pack` returned, into a model and optimiser of the same shapes."""
        super().unpack(arrays, state)
        self.carried = [_carried(arrays, n) for n in range(state["num_directions"])]


def _parts(carried: Any) -> tuple[Tensor, ...]:
    if carried is None:
        return ()
    return carried if isinstance(carried, tuple) else (carried,)


def _carried(arrays: Mapping[str, NDArray[Any]], direction: int) -> Any:
    names = sorted(name for name in arrays if name.startswith(f"carried.{direction}."))
    parts = tuple(torch.from_numpy(np.array(arrays[name])) for name in names)
    return None if not parts else parts[0] if len(parts) == 1 else parts
