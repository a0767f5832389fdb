"""A language model to start a classifier from: each token predicted from those before it."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from tidegate.model.cells import LAYERS
from tidegate.model.sampled_softmax import sampled_cross_entropy
from tidegate.nn import over_table
from tidegate.seeding import derive_seed

EMBEDDING_STD = 0.1
"""Of the initial table: with d of 128 to 256 and a projection of order 1, logits start small."""


class Prediction(NamedTuple):
    """What a language model makes of some steps."""

    loss: Tensor
    """Mean over the targets, a scalar."""
    num_right: Tensor
    """How many targets are the likeliest of the candidates, int64."""
    state: Any
    """The final state, without its history."""


class LanguageModel(nn.Module):
    """Recurrent language models that share one embedding, which is also their output.

        logits_t = (projection h_t) . embedding^T + bias

    One direction reads the text forward and predicts the next token. A second one, where wanted,
    reads it from its end and predicts the token before; the two never see each other's states,
    which would tell them their targets. Together they fill a bidirectional classifier.

    Parameters: ``embedding.weight`` (V, d), with a sparse gradient; ``layers.0`` and ``layers.1``
    of the two directions; their ``projections``, H to d; ``bias`` (V,).

    Args:
        cell: A name of :data:`tidegate.cells.CELLS`.
        vocabulary_size: V, the number of ids.
        embedding_dim: d.
        hidden_size: H, of each direction.
        bidirectional: Whether there is a second direction.
        device: ``meta`` for the shapes alone, without memory.

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
        with torch.device(device):  # whatever the default is
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
            seed: What they depend on.
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
            direction: 0 forward, 1 reverse: which layer reads.
            inputs: Token ids, stream after stream, in the order in which they are read; (P,).
            targets: The token after each of them, shape (P,).
            offsets: Where each stream begins, and the end of the last; shape (N + 1,).
            candidates: The words the targets compete with and their log weights, shape (S,) each:
                see :func:`tidegate.model.sampled_softmax.sampled_cross_entropy`.
            state: That of the call before, to go on from there; zeros when left out.
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
        """The parameters of a classifier's embedding and first layer, by their names there.

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
