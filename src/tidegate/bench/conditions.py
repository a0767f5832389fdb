"""Under which conditions times were taken, and how busy the machine was with other things."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from tidegate import engine, machine

RELEVANT = (
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "GOMP_SPINCOUNT",
    "KMP_BLOCKTIME",
    "MKL_NUM_THREADS",
    "TIDEGATE_ISA",
)
"""Environment variables that change times."""

BUSY = 0.1
"""Share of the processors that others may use before times are doubted."""


def set_threads(num_threads: int) -> None:
    """Give every peer of this process so many threads."""
    import torch

    torch.set_num_threads(num_threads)
    engine.set_num_threads(num_threads)


def describe(num_threads: int) -> dict[str, Any]:
    """Machine, versions, threads, commit and load at this moment."""
    return {
        **machine.describe(),
        "threads": num_threads,
        "versions": _versions("torch", "numpy", "onnxruntime", "keras", "tensorflow", "jax"),
        "commit": _commit(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "environment": {name: os.environ[name] for name in RELEVANT if name in os.environ},
        "load_average": _load_average(),
    }


class Neighbours:
    """How much of the processors others took, from when it is made.

    The load average looks a minute back and counts this process as well. The kernel's own counters
    tell the two apart: busy time of the machine less what this process and its children used. Time
    that a hypervisor gave to other guests ("steal") counts as others'.
    """

    def __init__(self) -> None:
        self.begin = time.monotonic(), _busy_s(), _own_s()

    def share(self) -> float | None:
        """Others' share of this machine's processors since then, 0 to 1; None where unknown."""
        begin_s, busy_s, own_s = self.begin
        elapsed_s, busy = time.monotonic() - begin_s, _busy_s()
        if busy is None or busy_s is None or elapsed_s <= 0:
            return None
        others = busy - busy_s - (_own_s() - own_s)
        return max(0.0, others / elapsed_s / (os.cpu_count() or 1))


def fma_peak() -> float:
    """Multiply-adds of all threads on registers alone, in GFLOP/s: the best of ten short tries.

    A neighbour that takes a processor for a moment would otherwise lower the peak, and so flatter
    every share of it.
    """
    return max(engine.fma_peak("float32", 0.03) for _ in range(10))


def _busy_s() -> float | None:
    """Processor time of everybody since boot: user, nice, system, irq, softirq, steal."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    ticks = [int(field) for field in fields]
    return (sum(ticks[:3]) + sum(ticks[5:8])) / os.sysconf("SC_CLK_TCK")


def _own_s() -> float:
    """Processor time of this process, of its children that run and of those that have ended."""
    return sum(os.times()[:4]) + sum(_child_s())


def _child_s() -> list[float]:
    """Processor time of each running child; the counters of the parent learn of it at its end."""
    seconds = []
    for task in Path("/proc/self/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            try:
                stat = Path(f"/proc/{child}/stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            fields = stat.rpartition(")")[2].split()
            seconds.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    return seconds


def _load_average() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _versions(*packages: str) -> dict[str, str]:
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _commit() -> str | None:
    """The commit of the source tree this file stands in, with a + where files were changed."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
