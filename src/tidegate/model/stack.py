"""Stacked recurrent layers, with dropout between them."""

from typing import Any

import torch
from torch import Tensor, nn

from tidegate.model.cells import LAYERS
from tidegate.model.masks import Masks
from tidegate.nn import Explanation, over_table


class Stack(nn.Module):
    """Stacked recurrent layers over sequences without padding.

    Every layer is a submodule, named by its number from 0; its parameters are ``0.weight_ih_l0``
    and so on.

    Args:
        cell: A name of :data:`tidegate.cells.CELLS`.
        input_size: I, features of a step.
        hidden_size: H, units of a layer and direction; D is 2 with both directions, else 1.
        num_layers, bidirectional: As for ``torch.nn.GRU``.
        residual: Whether a layer's input is added to its output where both are D*H wide.

    Call with:
        values: The input at every step, (P, I); or, with ``slots``, a table of inputs, (K, I).
        offsets: Where each sequence begins, and the end of the last, (N + 1,), int64.
        slots: The table's row at every step, (P,). Several sequences share a row, so the first
            layer then has neither variational dropout nor a residual connection.
        masks, variational: Masks and rate of the variational dropout on the layers' inputs.

    Returns:
        The last layer's states after every step, (P, D*H), and its final states, (N, D*H); the
        backward direction is final at a sequence's first step.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.input_size, self.residual = input_size, residual
        self.width = hidden_size * (2 if bidirectional else 1)
        for number in range(num_layers):
            size = input_size if number == 0 else self.width
            self.add_module(
                str(number), LAYERS[cell](size, hidden_size, bidirectional=bidirectional)
            )

    @property
    def layers(self) -> list[Any]:
        """The layers in order, first the one that reads the inputs."""
        return [*self.children()]

    @property
    def name(self) -> str:
        """The layers' name in a summary: ``2 x GRU, both directions``."""
        layers = self.layers
        times = f"{len(layers)} x " if len(layers) > 1 else ""
        ways = ", both directions" if layers[0].bidirectional else ""
        return f"{times}{type(layers[0]).__name__}{ways}"

    def forward(
        self,
        values: Tensor,
        offsets: Tensor,
        *,
        slots: Tensor | None = None,
        masks: Masks | None = None,
        variational: float = 0.0,
    ) -> tuple[Tensor, Tensor]:
        """Run the layers over a batch; arguments and results as in the class docstring."""
        output, final = values, values
        for number, layer in enumerate(self.layers):
            if number == 0 and slots is not None:
                output, state = over_table(layer, values, slots, offsets=offsets)
            else:
                read = _drop_features(output, offsets, number, masks, variational)
                given = output
                output, state = layer(read, offsets=offsets)
                if self.residual and output.size(1) == given.size(1):
                    output = output + given
            h_n = state[0] if layer.mode == "LSTM" else state
            final = torch.cat([*h_n], 1)
        return output, final

    def dropped(self, masks: Masks, share: float) -> dict[str, Tensor]:
        """The recurrent weights after dropout with rate ``share``, for ``functional_call``."""
        return {
            name: masks.apply(weight, name, share)
            for name, weight in self.named_parameters()
            if ".weight_hh" in name
        }

    def explain(self, values: Tensor, offsets: Tensor) -> Explanation:
        """Say whether the engine or PyTorch computes the first layer on such a batch, and why."""
        explanation: Explanation = self.layers[0].explain(values, offsets=offsets)
        return explanation


def _drop_features(
    values: Tensor, offsets: Tensor, number: int, masks: Masks | None, share: float
) -> Tensor:
    """Variational dropout: one mask over the features for all steps of a sequence."""
    if masks is None or not share:
        return values
    mask = masks.keep(f"layer {number} features", share, len(offsets) - 1, values.size(1))
    return values * mask.repeat_interleave(offsets.diff(), 0)
