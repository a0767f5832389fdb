"""Makes SIGTERM and SIGHUP stop a verb as Ctrl-C does, with finished work kept."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(KeyboardInterrupt):
    """SIGTERM or SIGHUP asked the process to end.

    Args:
        number: The signal's number.
    """

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        super().__init__(self.signal.name)


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """In the block, SIGTERM and SIGHUP raise :class:`Stopped`.

    An ignored signal, as SIGHUP is under nohup, stays ignored.
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
    """The exit code after an interrupt, as in shells: 128 plus the signal's number."""
    return 128 + (interrupt.signal if isinstance(interrupt, Stopped) else signal.SIGINT)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)
