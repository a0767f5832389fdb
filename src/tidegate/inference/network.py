"""The network's forward pass on NumPy and the engine, without PyTorch."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tidegate import engine
from tidegate.cells import ENGINE_CELLS
from tidegate.data.batches import make_batch, ordered_batches
from tidegate.data.preprocessing.forecast import BASE, UNIT
from tidegate.data.preprocessing.series import VALUES
from tidegate.data.preprocessing.text import BIGRAM_IDS, TOKEN_IDS
from tidegate.data.ragged import Ragged
from tidegate.engine import Weights
from tidegate.errors import FormatError
from tidegate.inference.architecture import HORIZON, Architecture

BATCH_SIZE, BATCH_POSITIONS = 256, 32_768
"""The most sequences and steps of a batch, which then stays in a processor's cache."""

Array = NDArray[np.float32]


class Network:
    """A network for inference: it computes what the PyTorch network with the same weights does.

    The outputs of a sequence have the same bits whatever else is in the batch.

    Args:
        architecture: The sizes of the network.
        tensors: The weights, under PyTorch's names, float32.

    Raises:
        FormatError: The tensors are not those of the architecture.
    """

    def __init__(self, architecture: Architecture, tensors: Mapping[str, NDArray[Any]]) -> None:
        check_tensors(architecture, tensors)
        self.architecture = architecture
        self._tensors = {
            name: np.ascontiguousarray(tensor, np.float32) for name, tensor in tensors.items()
        }
        self._layers = [self._weights(layer) for layer in range(architecture.num_layers)]
        self._cell = ENGINE_CELLS[architecture.cell]
        self._table = None
        if architecture.vocabulary_size:
            self._table = self._scaled(self._tensors["embedding.weight"] - self._mean)
        self._bigram_table = None
        if architecture.bigram_vocabulary_size:
            self._bigram_table = self._scaled(self._tensors["bigram_embedding.weight"])
            self._bigram_table[0] = 0  # id 0: all pairs outside the vocabulary, which add nothing

    def outputs(self, inputs: Mapping[str, Ragged]) -> NDArray[np.float64]:
        """Compute the outputs for sequences.

        Args:
            inputs: The preprocessor's arrays, by name.

        Returns:
            (N, C): logits, or numbers for a regression.
        """
        steps = next(iter(inputs.values()))
        outputs = np.empty((len(steps), self.architecture.num_outputs))
        for rows in ordered_batches(steps.lengths(), BATCH_SIZE, max_tokens=BATCH_POSITIONS):
            outputs[rows] = self._batch(inputs, rows)
        if self.architecture.pooling == HORIZON:
            return forecast(outputs, inputs[BASE].values, inputs[UNIT].values)
        return outputs

    def _batch(self, inputs: Mapping[str, Ragged], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        if self._table is None:
            taken = inputs[VALUES].take(rows)
            return self._run(np.ascontiguousarray(taken.values, np.float32), None, taken.offsets)
        words = make_batch(inputs[TOKEN_IDS], rows)
        table = self._table[words.distinct]
        if self._bigram_table is None:
            return self._run(table, words.slots, words.offsets)
        pairs = make_batch(inputs[BIGRAM_IDS], rows)
        vectors = table[words.slots] + self._bigram_table[pairs.distinct][pairs.slots]
        return self._run(vectors, None, words.offsets)

    def _run(
        self, values: Array, slots: NDArray[np.int64] | None, offsets: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Run a batch.

        Args:
            values: The input at every step, (P, I); or, with ``slots``, a table of inputs, (K, I).
            slots: The table's row at every step, (P,).
            offsets: Where each sequence begins, and the end of the last, (N + 1,).
        """
        architecture, output, final = self.architecture, values, values
        for number, directions in enumerate(self._layers):
            given, ids = output, slots if number == 0 else None
            output, final = engine.forward_ragged(self._cell, given, offsets, directions, ids=ids)
            if architecture.residual and given.shape[1] == output.shape[1]:
                output = output + (given if ids is None else given[ids])
        answers = self._head(self._pooled(output, final, offsets))
        return answers.reshape(len(offsets) - 1, -1)

    def _pooled(self, states: Array, final: Array, offsets: NDArray[np.int64]) -> Array:
        how = self.architecture.pooling
        if how == "last":
            return final
        if how == "attention":
            return attention(states, offsets, self._tensors["pooling.attention.weight"])
        if how == HORIZON:
            ahead = np.arange(-self.architecture.horizon, 0)
            return np.asarray(states[(offsets[1:, None] + ahead).reshape(-1)])
        if how == "mean+max+last":
            return np.concatenate([engine.pool(states, offsets, "mean+max"), final], 1)
        return cast(Array, engine.pool(states, offsets, how))  # type: ignore[arg-type]

    def _head(self, pooled: Array) -> NDArray[np.float64]:
        """The linear head, class by class: a matrix product rounds differently by batch size."""
        weight = self._tensors["head.weight"].astype(np.float64)
        bias = self._tensors["head.bias"].astype(np.float64)
        read = pooled.astype(np.float64)
        return np.stack([(read * row).sum(1) for row in weight], 1) + bias

    @property
    def _mean(self) -> Array:
        return self._tensors["embedding_mean"]

    def _scaled(self, table: Array) -> Array:
        return table / self._tensors["embedding_scale"]

    def _weights(self, layer: int) -> list[Weights]:
        suffixes = ("", "_reverse")[: self.architecture.num_directions]
        return [
            Weights(
                *(self._tensors[f"recurrent.{layer}.{name}_l0{suffix}"] for name in Weights._fields)
            )
            for suffix in suffixes
        ]


def forecast(
    differences: NDArray[np.float64], base: NDArray[np.float64], unit: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The forecast in the data's units, from what a network says of each step ahead.

    Args:
        differences: (N, H * C * Q), in the windows' units.
        base: The forecasts that they are differences from, (N * H, C).
        unit: What a difference of 1 is, (N, C).

    Returns:
        (N, H * C * Q).
    """
    count, width = unit.shape
    horizon = len(base) // max(count, 1)
    each = differences.reshape(count, horizon, width, -1)
    made = base.reshape(count, horizon, width, 1) + unit[:, None, :, None] * each
    return np.asarray(made.reshape(count, -1))


def attention(states: Array, offsets: NDArray[np.int64], weight: Array) -> Array:
    """Attention pooling: the mean of a sequence's states, weighted by a softmax of their scores.

    Args:
        states: The states at every step, (P, F).
        offsets: Where each sequence begins, and the end of the last, (N + 1,).
        weight: A state's score is its product with this, (F,).

    Returns:
        (N, F); zeros for a sequence without steps.
    """
    pooled = np.zeros((len(offsets) - 1, states.shape[1]), np.float32)
    scores = (states * weight).sum(1)
    is_real = np.diff(offsets) > 0
    starts, lengths = offsets[:-1][is_real], np.diff(offsets)[is_real]
    if len(starts):
        powers = np.exp(scores - np.repeat(np.maximum.reduceat(scores, starts), lengths))
        totals = np.add.reduceat(powers, starts)
        sums = np.add.reduceat(powers[:, None] * states, starts)
        pooled[is_real] = sums / totals[:, None]
    return pooled


def check_tensors(architecture: Architecture, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Check that tensors are exactly those of an architecture, and finite.

    Raises:
        FormatError: One is missing, unknown, of another shape or dtype, or not finite.
    """
    expected = architecture.shapes()
    missing, others = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected)
    if missing or others:
        raise FormatError(
            f"weights: expected those of the architecture, got none of {missing[:5]} and "
            f"{others[:5]} beside them"
        )
    for name, shape in expected.items():
        tensor = tensors[name]
        if tensor.shape != shape or tensor.dtype != np.float32:
            raise FormatError(
                f"weights: expected {name} of shape {shape} and dtype float32, got {tensor.shape} "
                f"of {tensor.dtype}"
            )
        if not np.isfinite(tensor).all():
            raise FormatError(f"weights: expected finite numbers, got others in {name}")
