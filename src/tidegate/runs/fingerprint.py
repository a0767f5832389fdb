"""Conditions that the exact bits of a training depend on: versions, instruction set, threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.utils.deterministic

import tidegate
from tidegate import engine


def compute_exactly(threads: int) -> None:
    """Let this process compute with so many threads, by operations that give the same bits."""
    torch.set_num_threads(threads)
    tidegate.set_num_threads(threads)
    # use_deterministic_algorithms(True) says the same to PyTorch's compiler, and takes a second to
    # import it.
    torch.set_deterministic_debug_mode("error")
    # What the engine is given to write it writes whole; filling it before would cost a pass.
    deterministic: Any = torch.utils.deterministic
    deterministic.fill_uninitialized_memory = False


@contextmanager
def settings_kept() -> Iterator[None]:
    """Give the process, at the end of the block, the settings that :func:`compute_exactly` changes
    as they were before."""
    deterministic: Any = torch.utils.deterministic
    threads, engine_threads = torch.get_num_threads(), tidegate.get_num_threads()
    mode, fill = torch.get_deterministic_debug_mode(), deterministic.fill_uninitialized_memory
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        tidegate.set_num_threads(engine_threads)
        torch.set_deterministic_debug_mode(mode)
        deterministic.fill_uninitialized_memory = fill


def exactness(threads: int) -> dict[str, Any]:
    """Versions, instruction set and threads: another one rounds otherwise."""
    return {
        "tidegate": tidegate.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "isa": engine.active_isa(),
        "threads": threads,
    }
