"""Who is told how a training goes."""

from typing import Protocol

from tidegate.training.history import Epoch


class Watcher(Protocol):
    """Is told how a training goes."""

    def epoch_begins(self, epoch: int, num_steps: int, done: int) -> None:
        """Epochs count from 1; ``done`` of the steps were made before the run was stopped."""

    def step_ends(
        self, step: int, loss: float, accuracy: float, num_tokens: int, step_ms: float
    ) -> None:
        """Steps count from 1 over all epochs; loss and accuracy are means over the epoch so far,
        tokens and time are this step's."""

    def epoch_ends(self, epoch: Epoch) -> None:
        """Training and validation of the epoch are done."""

    def notice(self, text: str) -> None:
        """Something that the user should know."""
