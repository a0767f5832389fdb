"""Recurrent language models, whose embedding and layers a classifier can start from."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from tidegate.model.cells import LAYERS
from tidegate.model.sampled_softmax import sampled_cross_entropy
from tidegate.nn import over_table
from tidegate.seeding import derive_seed

EMBEDDING_STD = 0.1
"""Standard deviation of the initial embedding: small logits at the start, for d of 128 to 256."""


class Prediction(NamedTuple):
    """Loss, accuracy and final state of a language model on one window."""

    loss: Tensor
    """Mean over the targets, a scalar."""
    num_right: Tensor
    """The number of targets that no candidate is likelier than, int64."""
    state: Any
    """The final state, detached from the graph: h_n, or (h_n, c_n) for an LSTM, (1, N, H) each."""


class LanguageModel(nn.Module):
    """One or two recurrent language models with one embedding, for input and output (tied weights).

        logits_t = (projection h_t) . embedding^T + bias

    One direction reads the text forward and predicts the next token. If ``bidirectional``, a second
    one reads it from its end and predicts the previous token. The two do not see each other's
    states, which would reveal the targets. Their layers initialise a bidirectional classifier.

    Parameters: ``embedding.weight`` (V, d), with a sparse gradient; ``layers.0`` and ``layers.1``,
    one for each direction; ``projections``, a linear map from H to d for each; ``bias`` (V,).

    Args:
        cell: A name of :data:`tidegate.cells.CELLS`.
        vocabulary_size: V, the number of ids.
        embedding_dim: d, the width of the embedding.
        hidden_size: H, units of each direction.
        bidirectional: Whether there is a second direction.
        device: Where the parameters lie; ``meta`` gives their shapes without any memory.

    Source: Dai and Le 2015, arXiv:1511.01432, for the start of a classifier; Inan et al. 2017,
    arXiv:1611.01462, for the shared embedding.
    """

    def __init__(
        self,
        cell: str,
        *,
        vocabulary_size: int,
        embedding_dim: int,
        hidden_size: int,
        bidirectional: bool = False,
        device: str = "cpu",
    ) -> None:
        super().__init__()
        if cell not in LAYERS:
            raise ValueError(f"LanguageModel: expected a cell of {[*LAYERS]}, got {cell!r}")
        self.config: dict[str, Any] = {
            "cell": cell,
            "vocabulary_size": vocabulary_size,
            "embedding_dim": embedding_dim,
            "hidden_size": hidden_size,
            "bidirectional": bidirectional,
        }
        directions = range(2 if bidirectional else 1)
        with torch.device(device):  # and not on PyTorch's default device
            self.embedding = nn.Embedding(vocabulary_size, embedding_dim, sparse=True)
            self.layers = nn.ModuleList(
                LAYERS[cell](embedding_dim, hidden_size) for _ in directions
            )
            self.projections = nn.ModuleList(
                nn.Linear(hidden_size, embedding_dim) for _ in directions
            )
            self.bias = nn.Parameter(torch.zeros(vocabulary_size))

    @torch.no_grad()
    def reset_parameters(self, seed: int, counts: Tensor) -> None:
        """Draw the initial values.

        Args:
            seed: Seed of the random values.
            counts: How often each word stands in the corpus, shape (V,): the bias begins at the
                logarithm of the frequencies, which saves the first steps from learning them.
        """

        def generator(purpose: str, index: int = 0) -> torch.Generator:
            drawn = derive_seed(seed, f"initial {purpose}", index)
            return torch.Generator().manual_seed(drawn)

        self.embedding.weight.normal_(0, EMBEDDING_STD, generator=generator("embedding"))
        self.bias.copy_(((counts + 1) / (counts + 1).sum()).log())
        for index, (layer, projection) in enumerate(
            zip(self.layers, self.projections, strict=True)
        ):
            _reset_layer(layer, generator("kernel", index), generator("recurrent kernel", index))
            _reset_projection(projection, generator("projection", index))

    def forward(
        self,
        direction: int,
        inputs: Tensor,
        targets: Tensor,
        offsets: Tensor,
        candidates: tuple[Tensor, Tensor],
        state: Any = None,
    ) -> Prediction:
        """Predict the targets in one direction.

        Args:
            direction: Index of the layer that reads: 0 forward, 1 from the end.
            inputs: Token ids in the order of reading, stream after stream, (P,).
            targets: The token after each of them, shape (P,).
            offsets: Where each stream begins, and the end of the last; shape (N + 1,).
            candidates: Sampled words and their log weights, shape (S,) each: see
                :func:`tidegate.model.sampled_softmax.sampled_cross_entropy`.
            state: The final state of the previous window; zeros by default.
        """
        ids, log_weights = candidates
        words, places = torch.unique(torch.cat([ids, inputs, targets]), return_inverse=True)
        candidate_places, read, wanted = places.split([len(ids), len(inputs), len(targets)])
        rows = embedding(words, self.embedding.weight, sparse=True)
        layer: Any = self.layers[direction]
        output, state = over_table(layer, rows, read, state, offsets=offsets)
        loss, num_right = sampled_cross_entropy(
            self.projections[direction](output),
            rows,
            self.bias[words],
            targets=wanted,
            candidates=candidate_places,
            log_weights=log_weights,
        )
        return Prediction(loss, num_right, _detached(state))

    def encoder_tensors(self) -> dict[str, Tensor]:
        """The parameters for a classifier's embedding and first layer, by the classifier's names.

        The second direction has the suffix ``_reverse``, as in a bidirectional layer.
        """
        tensors = {"embedding.weight": self.embedding.weight.detach()}
        for layer, suffix in zip(self.layers, ("", "_reverse"), strict=False):
            for name, parameter in layer.named_parameters():
                tensors[f"recurrent.0.{name}{suffix}"] = parameter.detach()
        return tensors


def _reset_layer(layer: Any, kernel: torch.Generator, recurrent: torch.Generator) -> None:
    """Glorot over all gates, orthogonal gate by gate; biases 0, the LSTM's forget gate 1."""
    H = layer.hidden_size
    nn.init.xavier_uniform_(layer.weight_ih_l0, generator=kernel)
    for gate in layer.weight_hh_l0.split(H):
        nn.init.orthogonal_(gate, generator=recurrent)
    nn.init.zeros_(layer.bias_ih_l0)
    nn.init.zeros_(layer.bias_hh_l0)
    if layer.mode == "LSTM":
        layer.bias_ih_l0[H : 2 * H] = 1


def _reset_projection(projection: Any, generator: torch.Generator) -> None:
    nn.init.xavier_uniform_(projection.weight, generator=generator)
    nn.init.zeros_(projection.bias)


def _detached(state: Any) -> Any:
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
