"""Seeds for everything that is drawn: each is a function of its purpose, never of hidden state.

A draw that depends on ``(seed, purpose, index)`` alone is the same whatever was drawn before it,
so adding one elsewhere, or starting again in the middle, changes nothing.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray


def derive_seed(seed: int, purpose: str, index: int = 0) -> int:
    """A seed of 63 bits for one purpose, for example ``derive_seed(0, "shuffle", epoch)``."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def permutation(length: int, seed: int, purpose: str, index: int = 0) -> NDArray[np.int64]:
    """A random order of ``range(length)``, shape (length,)."""
    bits = np.random.PCG64(derive_seed(seed, purpose, index))
    return np.random.Generator(bits).permutation(length)
