"""A description of this machine: processor, instruction set and versions."""

import os
import platform
from importlib import metadata

import tidegate
from tidegate import engine


def available_cpus() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe() -> dict[str, str | int | None]:
    """The machine and the versions, as results record them; None for what is not installed."""
    return {
        "tidegate": tidegate.__version__,
        "python": platform.python_version(),
        "torch": _version("torch"),
        "numpy": _version("numpy"),
        "platform": platform.platform(),
        "cpu": engine.cpu_name() or platform.processor() or platform.machine(),
        "isa": engine.active_isa(),
        "num_cpus": available_cpus(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
