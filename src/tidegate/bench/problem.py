"""What a recurrent layer is given: shapes, weights, input and the gradient that comes back.

Drawn once with NumPy, so that every peer, in this process or another, gets the same numbers.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.cells import NUM_GATES
from tidegate.seeding import derive_seed

Floats = NDArray[np.float32]


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers for one purpose."""
    return np.random.Generator(np.random.PCG64(derive_seed(seed, purpose)))


def layer_weights(
    cell: str, input_size: int, hidden_size: int, *, bidirectional: bool = False, seed: int = 0
) -> dict[str, Floats]:
    """One layer's parameters by PyTorch's names, uniform in +-1/sqrt(H) as PyTorch draws them."""
    rows, bound = NUM_GATES[cell] * hidden_size, hidden_size**-0.5
    draws = generator(seed, f"weights of {cell}")
    shapes = {
        "weight_ih_l0": (rows, input_size),
        "weight_hh_l0": (rows, hidden_size),
        "bias_ih_l0": (rows,),
        "bias_hh_l0": (rows,),
    }
    return {
        name + suffix: draws.uniform(-bound, bound, shape).astype(np.float32)
        for suffix in ("", "_reverse")[: 1 + bidirectional]
        for name, shape in shapes.items()
    }


@dataclass(frozen=True)
class LayerProblem:
    """One recurrent layer on one batch, time-major: input (T, N, I), output (T, N, D*H)."""

    cell: str
    """A name of :data:`tidegate.cells.CELLS`."""
    batch: int
    """N"""
    steps: int
    """T"""
    input_size: int
    """I"""
    hidden_size: int
    """H"""
    bidirectional: bool = False
    lengths: NDArray[np.int64] | None = field(default=None, compare=False)
    """Shape (N,), each 1 to T; all of them T when left out."""
    seed: int = 0

    @cached_property
    def weights(self) -> dict[str, Floats]:
        """See :func:`layer_weights`."""
        return layer_weights(
            self.cell,
            self.input_size,
            self.hidden_size,
            bidirectional=self.bidirectional,
            seed=self.seed,
        )

    @cached_property
    def input(self) -> Floats:
        """Normal, shape (T, N, I); 0 past a row's end."""
        shape = (self.steps, self.batch, self.input_size)
        values = generator(self.seed, "input").standard_normal(shape, np.float32)
        return values * self._inside

    @cached_property
    def output_gradient(self) -> Floats:
        """Normal, shape (T, N, D*H); 0 past a row's end."""
        shape = (self.steps, self.batch, self.hidden_size * (1 + self.bidirectional))
        values = generator(self.seed, "gradient").standard_normal(shape, np.float32)
        return values * self._inside

    @property
    def positions(self) -> int:
        """Real steps of all rows."""
        return self.batch * self.steps if self.lengths is None else int(self.lengths.sum())

    def gflop(self, training: bool) -> float:
        """Multiplications and additions of the matrix products; backward is two forwards."""
        columns = self.input_size + self.hidden_size
        forward = 2 * NUM_GATES[self.cell] * self.hidden_size * columns * self.positions
        return forward * (1 + self.bidirectional) * (3 if training else 1) / 1e9

    def parameters(self) -> dict[str, Any]:
        """What results record."""
        recorded = {
            "cell": self.cell,
            "N": self.batch,
            "T": self.steps,
            "I": self.input_size,
            "H": self.hidden_size,
            "directions": 1 + self.bidirectional,
        }
        if self.lengths is not None:
            recorded["lengths"] = self.lengths.tolist()
        return recorded

    @property
    def _inside(self) -> Floats:
        lengths = np.full(self.batch, self.steps) if self.lengths is None else self.lengths
        return (np.arange(self.steps)[:, None] < lengths).astype(np.float32)[:, :, None]
