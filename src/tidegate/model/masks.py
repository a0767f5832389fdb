"""Dropout whose draws are functions of (seed, step, purpose), by a counter-based generator."""

import numpy as np
import torch
from torch import Tensor

from tidegate.seeding import derive_seed

try:
    from tidegate import engine
except ImportError:
    HAS_ENGINE = False
else:
    HAS_ENGINE = True


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
        key = derive_seed(self.seed, self.series + purpose, self.step)
        # 16 bits an element are a share to 1 in 65,536, at a quarter of the cost.
        threshold = min(round(share * (1 << 16)), (1 << 16) - 1)
        scale = 1 / (1 - threshold / (1 << 16))
        if not HAS_ENGINE:
            draws = np.random.Generator(np.random.Philox(key=key)).integers(
                0, 1 << 16, shape, np.uint16
            )
            return torch.from_numpy((draws >= np.uint16(threshold)) * np.float32(scale))
        mask = torch.empty(shape, dtype=torch.float32, device="cpu")
        address, count = mask.data_ptr(), mask.numel()
        engine.keep_mask(key=key, threshold=threshold, scale=scale, mask=address, count=count)
        return mask

    def apply(self, values: Tensor, purpose: str, share: float) -> Tensor:
        """Dropout of single elements."""
        if not share:
            return values
        return values * self.keep(purpose, share, *values.shape)
