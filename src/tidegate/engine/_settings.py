"""The instruction set and the number of threads, set by a call or by the environment."""

import os

from tidegate import _engine
from tidegate._engine import supported_isas, usable_isas
from tidegate.errors import IsaError, ThreadsError


def use_isa(name: str) -> None:
    """Choose the instruction set of all calls that start from now on, in every thread.

    Args:
        name: One of :func:`supported_isas`, or in development builds, for tests, ``"lowered"``:
            the code for AVX-512, compiled for AVX2.
    Raises:
        IsaError: The machine cannot run it, or there is none of that name.
    """
    if name not in usable_isas():
        raise IsaError(_isa_message("use_isa", name, usable_isas()))
    _engine.use_isa(name)


def set_num_threads(num: int) -> None:
    """Set the upper bound on the threads that one call works on, its caller among them.

    Results do not depend on it. At first it is the number of cores that the process may use.

    Raises:
        ThreadsError: ``num`` is not from 1 to 1024.
    """
    try:
        _engine.set_num_threads(num)
    except ValueError as error:
        raise ThreadsError(str(error)) from None


def _isa_message(where: str, name: str, choices: list[str]) -> str:
    listed = ", ".join(choices)
    return f"{where}: expected one of {listed} (what this machine supports), got {name!r}"


def read_environment() -> None:
    isa = os.environ.get("TIDEGATE_ISA")
    if isa:
        if isa not in supported_isas():
            message = _isa_message("TIDEGATE_ISA", isa, supported_isas())
            raise IsaError(f"{message}; unset it to take the widest")
        use_isa(isa)
    threads = os.environ.get("TIDEGATE_NUM_THREADS")
    if threads:
        if not (threads.isascii() and threads.isdigit() and 1 <= int(threads) <= 1024):
            raise ThreadsError(
                "TIDEGATE_NUM_THREADS: expected a number of threads from 1 to 1024, "
                f"got {threads!r}; unset it to take one a core"
            )
        set_num_threads(int(threads))
