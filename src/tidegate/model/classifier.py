"""The notebook's network: embedding, recurrent layer, last state, one logit."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.model.cells import LAYERS
from tidegate.nn import Explanation


class SequenceClassifier(nn.Module):
    """A binary classifier of token sequences of one length.

    Args:
        cell: A name of :data:`tidegate.cells.CELLS`.
        vocabulary_size: Number of ids.
        embedding_dim: Width of the embedding.
        hidden_size: Units of the recurrent layer.
    """

    def __init__(
        self, cell: str, *, vocabulary_size: int, embedding_dim: int, hidden_size: int
    ) -> None:
        super().__init__()
        if cell not in LAYERS:
            raise ValueError(f"SequenceClassifier: expected a cell of {[*LAYERS]}, got {cell!r}")
        self.config: dict[str, Any] = {
            "cell": cell,
            "vocabulary_size": vocabulary_size,
            "embedding_dim": embedding_dim,
            "hidden_size": hidden_size,
        }
        # Sparse: the optimiser is to see the gradient of every place where a token stands.
        self.embedding = nn.Embedding(vocabulary_size, embedding_dim, sparse=True)
        self.recurrent = LAYERS[cell](embedding_dim, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        """The logit of the positive class.

        Args:
            tokens: Ids, shape (N, T), int64, T at least 1.

        Returns:
            Shape (N,).
        """
        _, state = self.recurrent(self.embedding(tokens))
        h_n = state[0] if self.recurrent.mode == "LSTM" else state
        logits: Tensor = self.head(h_n[-1])
        return logits.squeeze(1)

    def explain(self, tokens: Tensor) -> Explanation:
        """Say what computes the recurrence over such tokens, and why."""
        return self.recurrent.explain(self.embedding(tokens))

    def summary(self, length: int) -> list[tuple[str, list[int | None], int]]:
        """Name, output shape (None for the batch) and trained parameters of every layer."""
        hidden_size = self.config["hidden_size"]
        shapes: dict[str, list[int | None]] = {
            "embedding": [None, length, self.config["embedding_dim"]],
            "recurrent": [None, hidden_size],
            "head": [None, 1],
        }
        return [
            (f"{name} ({type(layer).__name__})", shapes[name], num_trained(layer))
            for name, layer in self.named_children()
        ]


def num_trained(module: nn.Module) -> int:
    """How many numbers training moves."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def from_arrays(config: Mapping[str, Any], tensors: Mapping[str, Any]) -> SequenceClassifier:
    """The model of a model folder's configuration and arrays."""
    model = SequenceClassifier(**config)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    return model.eval()
