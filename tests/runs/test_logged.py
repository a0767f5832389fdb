"""What logs are told of a run's events, and what its callback is told."""

from pathlib import Path

from tidegate.runs.events import (
    JobBegins,
    MemberBegins,
    PretrainingBegins,
    PretrainingEnds,
    StudentBegins,
)
from tidegate.runs.logged import Logged
from tidegate.training.events import EpochBegins, TrainingBegins
from tidegate.training.history import Step


class Log(list):
    """Keeps the events, and whether it was closed."""

    is_closed = False

    def __call__(self, event):
        assert not self.is_closed
        self.append(event)

    def close(self):
        self.is_closed = True


def step(number):
    return Step(number, 0.5, 0.5, 1e-3, 10, 1.0, 0.5, 0.5)


def test_logs_hear_of_networks_alone_and_count_the_second_ones_steps_on():
    language_model = [
        PretrainingBegins("gru", 0, "texts"),
        TrainingBegins(0),
        step(1),
        PretrainingEnds(Path("model")),
    ]
    job, student = JobBegins("gru", 0, "a path", []), StudentBegins("more texts")
    first = [job, TrainingBegins(0), EpochBegins(1, 2, 0), step(1), step(2)]
    second = [student, TrainingBegins(0), step(1), step(2)]
    resumed = [job, TrainingBegins(2), student, TrainingBegins(1), step(2)]
    log, told = Log(), []
    with Logged(told.append, [log]) as tell:
        for event in [*language_model, *first, *second, *resumed]:
            tell(event)
    assert told == [*language_model, *first, *second, *resumed]
    assert log == [
        language_model[-1],
        *first,
        *[student, TrainingBegins(2), step(3), step(4)],
        *[job, TrainingBegins(2), student, TrainingBegins(3), step(4)],
    ]
    assert log.is_closed


def test_the_steps_of_an_ensembles_networks_are_counted_on():
    first = [JobBegins("gru", 0, "a path", []), MemberBegins(1, 2), TrainingBegins(0), step(1)]
    second = [MemberBegins(2, 2), TrainingBegins(0), step(1), step(2)]
    log = Log()
    with Logged(lambda event: None, [log]) as tell:
        for event in [*first, *second]:
            tell(event)
    assert log == [*first, second[0], TrainingBegins(1), step(2), step(3)]
