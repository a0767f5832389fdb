"""Gives the events of a run to its logs and to its callback."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from tidegate.runs.events import (
    JobBegins,
    MemberBegins,
    PretrainingBegins,
    PretrainingEnds,
    RunCallback,
    RunEvent,
    StudentBegins,
)
from tidegate.runs.logs import Log
from tidegate.training.events import TrainingBegins
from tidegate.training.history import Step


class Logged:
    """Forwards every event to the logs and then to a callback.

    The logs are not told of language models; and the steps of a job's second network are counted
    on from those of its first one.

    Args:
        callback: Is told everything.
        logs: Are closed at the end of the ``with`` block.
    """

    def __init__(self, callback: RunCallback, logs: Iterable[Log]) -> None:
        self.callback, self.logs = callback, [*logs]
        self.num_before, self.last_step, self.is_pretraining = 0, 0, False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:
            for log in self.logs:
                stack.callback(log.close)

    def __call__(self, event: RunEvent) -> None:
        """Forward an event."""
        match event:
            case PretrainingBegins():
                self.is_pretraining = True
            case PretrainingEnds():
                self.is_pretraining = False
            case JobBegins():
                self.num_before, self.last_step = 0, 0
            case StudentBegins() | MemberBegins():
                self.num_before = self.last_step
        if not self.is_pretraining:
            numbered = self._counted_on(event)
            for log in self.logs:
                log(numbered)
        self.callback(event)

    def _counted_on(self, event: RunEvent) -> RunEvent:
        if isinstance(event, TrainingBegins | Step):
            self.last_step = self.num_before + event.step
            return replace(event, step=self.last_step)
        return event
