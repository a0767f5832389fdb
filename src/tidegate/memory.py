"""How much memory this process may still take, and how to tell that it ran out."""

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")

_OF_PYTORCH = ("can't allocate memory", "not enough memory", "Storage size calculation overflowed")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, NumPy, Arrow or PyTorch raised this error because memory ran out."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    is_of_pytorch = isinstance(error, RuntimeError) and any(t in str(error) for t in _OF_PYTORCH)
    return isinstance(error, MemoryError) or is_of_pytorch


def available_bytes() -> tuple[int, str] | None:
    """The memory that is left for this process, and what limits it, in words for the user.

    The least of what the machine has available, the limits on the process (``ulimit -v``,
    ``ulimit -d``) and those of its control groups (containers, ``systemd-run -p MemoryMax=``). Swap
    does not count: a training that needs it never ends. None where the system tells none of them.
    """
    return min(_limits(), default=None)


def _limits() -> Iterator[tuple[int, str]]:
    available = _field(PROC / "meminfo", "MemAvailable")
    if available is not None:
        yield available, "available on this machine"
    elif {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= os.sysconf_names.keys():
        # The whole memory: an upper bound where the free part is unknown.
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "in this machine"
    for limit, name, used in (
        (resource.RLIMIT_AS, "ulimit -v", "VmSize"),
        (resource.RLIMIT_DATA, "ulimit -d", "VmData"),
    ):
        most, taken = resource.getrlimit(limit)[0], _field(PROC / "self" / "status", used)
        if most != resource.RLIM_INFINITY:
            yield max(most - (taken or 0), 0), f"left by {name}"
    for left in _control_groups():
        yield left, "left to this process's control group"


def _control_groups() -> Iterator[int]:
    """The bytes that each control group of this process, and those above it, still allow."""
    try:
        lines = (PROC / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, limit, used = CGROUPS, "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            root = CGROUPS / "memory"
            limit, used = "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        group = root / path.lstrip("/")
        # A container may see its own group as the root, and its path as that outside.
        for folder in (group, *group.parents):
            if not folder.is_relative_to(root):
                break
            most, taken = _number(folder / limit), _number(folder / used)
            if most is not None and taken is not None:
                # The system gives up what it has read of files before it refuses memory.
                files = _field(folder / "memory.stat", "inactive_file", unit=1) or 0
                yield max(most - taken + files, 0)


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _field(path: Path, name: str, unit: int = 1024) -> int | None:
    """The number in the line of a file that begins with a name, in bytes; None without one."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        words = line.replace(":", " ").split()
        if words[:1] == [name]:
            return int(words[1]) * unit
    return None
