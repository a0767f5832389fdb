"""Adam as Keras computes it on TensorFlow."""

from typing import Any

from tidegate.optim._table import Numbers
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

    Embeddings must be made with ``sparse=True``, which is what keeps the rows apart in PyTorch;
    they are tables as of :class:`tidegate.optim.Adam`, whose arguments these are.
    """

    _may_repeat = True

    def _numbers(self, group: dict[str, Any], step: int) -> Numbers:
        """Epsilon under the root's correction: m / (sqrt(v) scale + eps scale)."""
        found = super()._numbers(group, step)
        scale, eps = 2, 6
        found[eps] *= found[scale]
        return found
