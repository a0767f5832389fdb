"""Initial values as Keras draws them; they change what a recurrent network learns.

Embedding uniform in +-0.05; kernels Glorot uniform over all gates at once (Glorot and Bengio
2010); recurrent kernels orthogonal over all gates at once (Saxe et al. 2013); biases 0, the
LSTM's forget gate 1 (Jozefowicz et al. 2015).

Keras' simple RNN, LSTM and reset-before GRU have one bias where PyTorch has two that add up. With
two, an optimiser like Adam would move their sum at twice the pace, so the second stays at 0 and is
not trained. The reset-after GRU has two in Keras as well.
"""

from typing import Any

import torch
from torch import nn

from tidegate.draws import derive_seed
from tidegate.model.classifier import SequenceClassifier


@torch.no_grad()
def like_keras(model: SequenceClassifier, seed: int) -> None:
    """Draw all parameters of a model; cells of one seed share embedding and head."""
    cell, hidden_size = model.config["cell"], model.config["hidden_size"]
    recurrent: Any = model.recurrent

    nn.init.uniform_(model.embedding.weight, -0.05, 0.05, _generator(seed, "embedding"))
    nn.init.xavier_uniform_(recurrent.weight_ih_l0, generator=_generator(seed, "kernel"))
    nn.init.orthogonal_(recurrent.weight_hh_l0, generator=_generator(seed, "recurrent kernel"))
    nn.init.zeros_(recurrent.bias_ih_l0)
    nn.init.zeros_(recurrent.bias_hh_l0)
    if cell == "lstm":
        recurrent.bias_ih_l0[hidden_size : 2 * hidden_size] = 1
    recurrent.bias_hh_l0.requires_grad_(cell == "gru")
    nn.init.xavier_uniform_(model.head.weight, generator=_generator(seed, "head"))
    nn.init.zeros_(model.head.bias)


def _generator(seed: int, purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(seed, f"initial {purpose}"))
