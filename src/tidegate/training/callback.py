"""The events of a training, for displays and logs."""

from typing import Protocol

from tidegate.training.history import Epoch, Step


class Callback(Protocol):
    """Receives the events of a training."""

    def training_begins(self, step: int) -> None:
        """Training begins, or goes on after so many steps that an earlier process made."""

    def epoch_begins(self, epoch: int, num_steps: int, done: int) -> None:
        """Epochs count from 1; ``done`` of the steps were made before the run was stopped."""

    def step_ends(self, step: Step) -> None:
        """The parameters have moved; a checkpoint may follow."""

    def epoch_ends(self, epoch: Epoch) -> None:
        """Training and validation of the epoch are done; a checkpoint follows."""

    def notice(self, text: str) -> None:
        """A message to the user."""
