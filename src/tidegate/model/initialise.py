"""Initialisation of the network's parameters, as in Keras or with normal embeddings.

As Keras draws them (``keras``): embedding uniform in +-0.05; kernels Glorot uniform over all gates
at once (Glorot and Bengio 2010); recurrent kernels orthogonal over all gates at once (Saxe et al.
2013); biases 0, the LSTM's forget gate 1 (Jozefowicz et al. 2015). Or the same with normal
embeddings of a small standard deviation, by which the network divides them (``normal``).

Keras' simple RNN, LSTM and reset-before GRU have one bias where PyTorch has two that add up. With
two, an optimiser like Adam would move their sum at twice the pace, so the second stays at 0 and is
not trained. The reset-after GRU has two in Keras as well.
"""

from typing import Any

import torch
from torch import nn

from tidegate.model.classifier import SequenceClassifier
from tidegate.seeding import derive_seed

SPREAD = 0.1
"""Standard deviation of normal embeddings. The network divides them by it, so that a step of Adam
moves what the network sees by 1 / SPREAD times as much."""
BIGRAM_SPREAD = 0.03
"""Standard deviation of normal bigram embeddings, which are divided by SPREAD, too."""


@torch.no_grad()
def like_keras(model: SequenceClassifier, seed: int) -> None:
    """Draw all parameters as Keras does; cells with the same seed share embedding and head."""
    if model.architecture.vocabulary_size:
        nn.init.uniform_(model.embedding.weight, -0.05, 0.05, _generator(seed, "embedding"))
    if model.architecture.bigram_vocabulary_size:
        nn.init.uniform_(model.bigram_embedding.weight, -0.05, 0.05, _generator(seed, "bigrams"))
    _recurrent_and_head(model, seed)


@torch.no_grad()
def normal(model: SequenceClassifier, seed: int) -> None:
    """Draw all parameters as Keras does, but the embeddings from normal distributions."""
    if model.architecture.vocabulary_size:
        nn.init.normal_(model.embedding.weight, 0, SPREAD, _generator(seed, "embedding"))
        model.embedding_scale.fill_(SPREAD)
    if model.architecture.bigram_vocabulary_size:
        generator = _generator(seed, "bigrams")
        nn.init.normal_(model.bigram_embedding.weight, 0, BIGRAM_SPREAD, generator)
    _recurrent_and_head(model, seed)


def _recurrent_and_head(model: SequenceClassifier, seed: int) -> None:
    for number, layer in enumerate(model.recurrent.layers):
        for suffix in ("", "_reverse")[: 2 if layer.bidirectional else 1]:
            name = (f" of layer {number}" if number else "") + suffix
            _layer(layer, f"_l0{suffix}", model.architecture.cell, seed, name)
    nn.init.xavier_uniform_(model.head.weight, generator=_generator(seed, "head"))
    nn.init.zeros_(model.head.bias)


def _layer(layer: Any, suffix: str, cell: str, seed: int, name: str) -> None:
    kernel, recurrent_kernel, bias, recurrent_bias = (
        getattr(layer, kind + suffix) for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    nn.init.xavier_uniform_(kernel, generator=_generator(seed, f"kernel{name}"))
    nn.init.orthogonal_(recurrent_kernel, generator=_generator(seed, f"recurrent kernel{name}"))
    nn.init.zeros_(bias)
    nn.init.zeros_(recurrent_bias)
    if cell == "lstm":
        bias[layer.hidden_size : 2 * layer.hidden_size] = 1
    recurrent_bias.requires_grad_(cell == "gru")


def _generator(seed: int, purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(seed, f"initial {purpose}"))
