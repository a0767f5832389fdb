"""Dropout whose draws are functions of (seed, step, purpose), by a counter-based generator."""

import numpy as np
import torch
from torch import Tensor

from tidegate.draws import derive_seed


class Masks:
    """The masks of one training step; the same again for the same seed and step.

    Source of the generator: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"
    (Philox, as NumPy has it).

    Args:
        seed: Of the training.
        step: Counted over the whole training.
        series: Another one has other masks, for a second pass in one step.
    """

    def __init__(self, seed: int, step: int, series: str = "") -> None:
        self.seed, self.step, self.series = seed, step, series

    def keep(self, purpose: str, share: float, *shape: int) -> Tensor:
        """Zeros for a share of the elements, 1 / (1 - share) for the others.

        Args:
            purpose: Masks of one step with the same purpose are the same.
            share: To set to zero, from 0 to below 1.
            shape: Of the mask.

        Returns:
            float32, whose expectation is 1.
        """
        bits = np.random.Philox(key=derive_seed(self.seed, self.series + purpose, self.step))
        # 16 bits an element are a share to 1 in 65,536, at a quarter of the cost.
        draws = np.random.Generator(bits).integers(0, 1 << 16, shape, np.uint16)
        threshold = np.uint16(min(round(share * (1 << 16)), (1 << 16) - 1))
        scale = np.float32(1 / (1 - int(threshold) / (1 << 16)))
        return torch.from_numpy((draws >= threshold) * scale)

    def apply(self, values: Tensor, purpose: str, share: float) -> Tensor:
        """Dropout of single elements."""
        if not share:
            return values
        return values * self.keep(purpose, share, *values.shape)
