"""Dropout masks that depend on (seed, step, purpose) alone, from a counter-based generator."""

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
    """The dropout masks of one training step; equal seeds and steps give equal masks.

    Source of the generator: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"
    (Philox, as NumPy has it).

    Args:
        seed: Seed of the training.
        step: Step number, counted over the whole training.
        series: Name of the pass, where a step has several; each name has masks of its own.
    """

    def __init__(self, seed: int, step: int, series: str = "") -> None:
        self.seed, self.step, self.series = seed, step, series

    def keep(self, purpose: str, share: float, *shape: int) -> Tensor:
        """A dropout mask: 0 with probability ``share``, otherwise 1 / (1 - share).

        Args:
            purpose: What the mask is for; masks of one step with the same purpose are the same.
            share: Dropout rate, from 0 to below 1.
            shape: Shape of the mask.

        Returns:
            float32; the expectation of an element is 1.
        """
        key = derive_seed(self.seed, self.series + purpose, self.step)
        # 16 random bits an element: the rate is exact to 1 in 65,536, at a quarter of the cost.
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
        """Apply dropout to single elements."""
        if not share:
            return values
        return values * self.keep(purpose, share, *values.shape)

    def normal(self, purpose: str, *shape: int) -> Tensor:
        """Standard normal numbers, float32; those of one step and purpose are the same."""
        key = derive_seed(self.seed, self.series + purpose, self.step)
        generator = np.random.Generator(np.random.Philox(key=key))
        return torch.from_numpy(generator.standard_normal(shape, np.float32))
