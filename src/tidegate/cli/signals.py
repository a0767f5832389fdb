"""SIGTERM and SIGHUP end a verb as Ctrl-C does: with what is finished kept, and a word on it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(KeyboardInterrupt):
    """The system, or who closed the terminal, asked the process to end.

    Args:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        super().__init__(self.signal.name)


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """Raise :class:`Stopped` in the block where one of the signals comes.

    One that is ignored, as SIGHUP is under nohup, stays so.
    """
    caught = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is signal.SIG_DFL
    ]
    for number in caught:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def exit_code(interrupt: BaseException | None) -> int:
    """As a shell has it: 128 and the signal's number."""
    return 128 + (interrupt.signal if isinstance(interrupt, Stopped) else signal.SIGINT)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)
