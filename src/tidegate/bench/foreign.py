"""Weights as Keras and ONNX lay them out, and Keras' gradients on their way back.

| | gates of the LSTM | gates of the GRU | kernels | biases |
|---|---|---|---|---|
| PyTorch | i f g o | r z n | (G*H, I) | two |
| Keras | i f g o (its c is g) | z r n (its h is n) | (I, G*H) | one; two rows for reset after |
| ONNX | i o f g (its c is g) | z r n (its h is n) | (D, G*H, I) | both, side by side |
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tidegate.bench.problem import Floats
from tidegate.cells import NUM_GATES

KERAS_GATES = {"rnn": [0], "lstm": [0, 1, 2, 3], "gru": [1, 0, 2], "gru-before": [1, 0, 2]}
ONNX_GATES = {"rnn": [0], "lstm": [0, 3, 1, 2], "gru": [1, 0, 2], "gru-before": [1, 0, 2]}
"""Which of PyTorch's gates stands at each place."""

ONNX_OPERATORS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU", "gru-before": "GRU"}


def reorder(array: NDArray[np.floating], gates: list[int]) -> NDArray[np.floating]:
    """The blocks of H rows of a weight or bias in another order."""
    return np.concatenate([np.split(array, len(gates))[gate] for gate in gates])


def to_keras(cell: str, weights: Mapping[str, Floats]) -> dict[str, Floats]:
    """Kernel, recurrent kernel and bias of a Keras layer from PyTorch's names."""
    gates = KERAS_GATES[cell]
    kernel, recurrent, bias_ih, bias_hh = (
        reorder(weights[f"{name}_l0"], gates)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    return {
        "kernel": kernel.T.copy(),
        "recurrent_kernel": recurrent.T.copy(),
        "bias": np.stack([bias_ih, bias_hh]) if cell == "gru" else bias_ih + bias_hh,
    }


def from_keras(
    cell: str, arrays: Mapping[str, NDArray[np.floating]]
) -> dict[str, NDArray[np.floating]]:
    """Gradients by PyTorch's names from those of Keras.

    Where Keras has one bias, its gradient is that of both of PyTorch's, which add up.
    """
    gates = KERAS_GATES[cell]
    back = [gates.index(gate) for gate in range(NUM_GATES[cell])]
    bias = arrays["bias"]
    bias_ih, bias_hh = bias if cell == "gru" else (bias, bias)
    return {
        "weight_ih_l0": reorder(arrays["kernel"].T, back),
        "weight_hh_l0": reorder(arrays["recurrent_kernel"].T, back),
        "bias_ih_l0": reorder(bias_ih, back),
        "bias_hh_l0": reorder(bias_hh, back),
    }


def to_onnx(cell: str, weights: Mapping[str, Floats]) -> dict[str, Floats]:
    """W, R and B of an ONNX node, one direction, from PyTorch's names."""
    gates = ONNX_GATES[cell]
    W, R, bias_ih, bias_hh = (
        reorder(weights[f"{name}_l0"], gates)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    return {"W": W[None], "R": R[None], "B": np.concatenate([bias_ih, bias_hh])[None]}
