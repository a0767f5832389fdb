"""Recurrent layers one on the other, with the dropout between them."""

from typing import Any

import torch
from torch import Tensor, nn

from tidegate.model.cells import LAYERS
from tidegate.model.masks import Masks
from tidegate.nn import Explanation, over_table


class Stack(nn.Module):
    """Recurrent layers over flat sequences, each a module of its own.

    Parameters: ``0.weight_ih_l0`` and so on, the layers counted from 0.

    Args:
        cell: A name of :data:`tidegate.cells.CELLS`.
        input_size: I, features of a step.
        hidden_size: H, units of a layer and direction; D is 2 with both directions, else 1.
        num_layers, bidirectional: As of ``torch.nn.GRU``.
        residual: Whether a layer's input is added to its output where both are D*H wide.

    Call with:
        values: (P, I); offsets: (N + 1,), int64.
        slots: Where values are the rows of a table, (K, I), the one at each step, (P,). They are
            not dropped by sequence, for a row is not a sequence's, nor added to the output.
        masks, variational: Draws and share of the dropout of what the layers read.

    Returns:
        The last layer's states after every step, (P, D*H), and at each row's end, (N, D*H): of
        the backward direction that is after its first step.
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
        """The layers, the first first."""
        return [*self.children()]

    @property
    def name(self) -> str:
        """For a summary: ``2 x GRU, both directions``."""
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
        """Run over flat sequences; arguments and results are those of the class."""
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
        """The recurrent weights with a share of them set to zero, for ``functional_call``."""
        return {
            name: masks.apply(weight, name, share)
            for name, weight in self.named_parameters()
            if ".weight_hh" in name
        }

    def explain(self, values: Tensor, offsets: Tensor) -> Explanation:
        """Say what computes the first layer over such a batch, and why."""
        explanation: Explanation = self.layers[0].explain(values, offsets=offsets)
        return explanation


def _drop_features(
    values: Tensor, offsets: Tensor, number: int, masks: Masks | None, share: float
) -> Tensor:
    """Values with a share of their features set to zero, the same ones all along a sequence."""
    if masks is None or not share:
        return values
    mask = masks.keep(f"layer {number} features", share, len(offsets) - 1, values.size(1))
    return values * mask.repeat_interleave(offsets.diff(), 0)
