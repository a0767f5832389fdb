"""Adam as Keras computes it on TensorFlow."""

from collections.abc import Iterable
from typing import Any

from tidegate.optim._table import EPS, SCALE, Numbers
from tidegate.optim.adam import Adam


class KerasAdam(Adam):
    """Adam with two habits of Keras that change what is learnt.

    - Epsilon stands where Kingma and Ba 2015 have their "epsilon hat" (end of section 2):
      lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps). PyTorch adds it to
      sqrt(v / (1 - beta2^t)), at first a factor of 32 away.
    - The gradient of an embedding comes as one row for every place where a token stands. The first
      moment follows the sum of a token's rows; the second follows the sum of their squares, where
      the square of the sum would be the formula. So a word that stands in one batch many times
      moves by larger steps. That is Keras 3.15 on TensorFlow; on JAX it takes the sum's square.

    PyTorch keeps the rows of an ``nn.Embedding(sparse=True)`` apart. Where a gradient comes summed,
    of a dense embedding, after ``coalesce`` or from :class:`tidegate.nn.TextEncoder`, the sum
    counts as one place. Embeddings are tables as of :class:`tidegate.optim.Adam`, with its
    ``catch_up``; t counts the steps of each parameter.

    Args:
        params, lr, betas, weight_decay: As of :class:`tidegate.optim.Adam`.
        eps: Epsilon hat.

    Raises:
        ValueError: As :class:`tidegate.optim.Adam`.
    """

    _may_repeat = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def _numbers(self, group: dict[str, Any], step: int) -> Numbers:
        """Epsilon under the root's correction: m / (sqrt(v) scale + eps scale)."""
        numbers = super()._numbers(group, step)
        numbers[EPS] *= numbers[SCALE]
        return numbers
