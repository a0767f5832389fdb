"""Makes the network that a recipe describes, with its initial values."""

from collections.abc import Mapping

import torch
from torch import Tensor

from tidegate.inference.architecture import HORIZON
from tidegate.model.classifier import SequenceClassifier
from tidegate.model.initialise import like_keras, normal
from tidegate.task import Task
from tidegate.training.recipe import Recipe


def make(
    cell: str,
    recipe: Recipe,
    seed: int,
    *,
    task: Task | None = None,
    vocabulary_size: int = 0,
    bigram_vocabulary_size: int = 0,
    input_size: int = 0,
    encoder: Mapping[str, Tensor] | None = None,
    frequencies: Tensor | None = None,
) -> SequenceClassifier:
    """Make an untrained network over words or numbers.

    Args:
        cell: A name of :data:`tidegate.cells.CELLS`.
        recipe: The recipe.
        seed: Seed of the initial values.
        task: The task; by default a binary classification.
        vocabulary_size, bigram_vocabulary_size: Number of ids of the fitted vocabularies, at most
            the recipe's; 0 where steps are numbers.
        input_size: Numbers at every step; 0 where steps are words.
        encoder: Parameters of a language model to start from, by the network's names for them. The
            bigram embedding then starts at 0, so that it adds nothing to the pretrained one.
        frequencies: Share of every id in the training texts, (V,); needed with ``encoder``.
    """
    task = task or Task()
    model = SequenceClassifier(
        cell,
        kind=task.kind,
        num_outputs=task.num_outputs,
        vocabulary_size=vocabulary_size,
        bigram_vocabulary_size=bigram_vocabulary_size,
        input_size=input_size,
        embedding_dim=recipe.network.embedding_dim if vocabulary_size else 0,
        hidden_size=recipe.network.hidden_size,
        num_layers=recipe.network.num_layers,
        bidirectional=recipe.network.bidirectional,
        residual=recipe.network.residual,
        pooling=HORIZON if task.horizon else recipe.network.pooling,
        horizon=task.horizon,
        quantiles=task.quantiles,
        by_place=recipe.training.optimiser == "keras-adam",
        dropout={
            "words": recipe.dropout.word,
            "embedding": recipe.dropout.embedding,
            "places": recipe.dropout.input,
            "variational": recipe.dropout.variational,
            "recurrent": recipe.dropout.recurrent,
            "head": recipe.dropout.head,
        },
        noise={"values": recipe.series.noise, "scale": recipe.series.scale_noise},
    )
    {"keras": like_keras, "normal": normal}[recipe.network.initial_values](model, seed)
    if encoder is not None and frequencies is not None:
        _begin_with(model, encoder, frequencies)
    return model


@torch.no_grad()
def _begin_with(
    model: SequenceClassifier, encoder: Mapping[str, Tensor], frequencies: Tensor
) -> None:
    """Copy a language model's parameters into the network.

    The network's embeddings are normalised, the language model's are not; the first layer's weights
    and biases are rescaled, so that the layer computes the same as in the language model.
    """
    parameters = dict(model.named_parameters())
    for name, tensor in encoder.items():
        parameters[name].copy_(tensor)
    if model.architecture.bigram_vocabulary_size:
        model.bigram_embedding.weight.zero_()
    model.normalise(frequencies)
    for name, weight in model.recurrent.layers[0].named_parameters():
        if name.startswith("weight_ih"):
            bias = parameters[f"recurrent.0.{name.replace('weight', 'bias')}"]
            bias.add_(weight @ model.embedding_mean)
            weight.mul_(model.embedding_scale)
