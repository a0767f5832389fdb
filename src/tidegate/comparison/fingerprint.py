"""What the bits of a training depend on beside its values and its data."""

from typing import Any

import numpy as np
import torch

import tidegate
from tidegate import engine


def exactness(threads: int) -> dict[str, Any]:
    """Versions, instruction set and threads: another one rounds otherwise."""
    return {
        "tidegate": tidegate.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "isa": engine.active_isa(),
        "threads": threads,
    }
