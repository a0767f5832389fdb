"""Several networks of the same sizes, trained from different seeds, that answer together."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged
from tidegate.inference.architecture import Architecture, member_prefix
from tidegate.inference.network import Network, check_tensors


class Ensemble:
    """Networks whose outputs are averaged: logits, or a regression's numbers.

    Averaged logits are the logits of the normalised geometric mean of the networks' probabilities.

    Args:
        architecture: The sizes of the networks, and their number.
        tensors: The weights, the names of network K beginning with ``members.K.``, float32.

    Raises:
        FormatError: The tensors are not those of the architecture.
    """

    def __init__(self, architecture: Architecture, tensors: Mapping[str, NDArray[Any]]) -> None:
        check_tensors(architecture, tensors)
        self.networks = [
            Network(architecture.member, _of_member(number, tensors))
            for number in range(architecture.num_members)
        ]

    def outputs(self, inputs: Mapping[str, Ragged]) -> NDArray[np.float64]:
        """The mean of the networks' outputs, (N, C), as :meth:`Network.outputs` has them."""
        return mean_outputs([network.outputs(inputs) for network in self.networks])


def make_network(
    architecture: Architecture, tensors: Mapping[str, NDArray[Any]]
) -> Network | Ensemble:
    """What answers with the weights of a model folder: one network, or several.

    Raises:
        FormatError: The tensors are not those of the architecture.
    """
    made = Ensemble if architecture.num_members > 1 else Network
    return made(architecture, tensors)


def mean_outputs(outputs: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean of several networks' outputs, summed in their order; of one network its own."""
    total = outputs[0]
    for one in outputs[1:]:
        total = total + one
    return total / len(outputs) if len(outputs) > 1 else total


def _of_member(number: int, tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    prefix = member_prefix(number)
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
