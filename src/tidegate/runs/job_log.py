"""The part that the logs of all tools share: which event leads to which entry."""

from abc import ABC, abstractmethod

from tidegate.runs import measures
from tidegate.runs.events import JobBegins, JobEnds, RunEvent
from tidegate.runs.experiment import Experiment
from tidegate.runs.results import BlendModel, Job
from tidegate.training.events import TrainingBegins
from tidegate.training.history import Epoch, Step


class JobLog(ABC):
    """A log of the jobs of a run, one after the other.

    Attributes:
        cell, seed: The cell and the seed of the present job.
        step: The last step that was told.

    Args:
        experiment: The experiment that the jobs are of.
    """

    cell: str
    seed: int
    step: int

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment

    def __call__(self, event: RunEvent) -> None:
        """See :class:`~tidegate.runs.logs.Log`."""
        match event:
            case JobBegins():
                self.cell, self.seed = event.cell, event.seed
            case TrainingBegins():
                self._training_begins(event.step)
            case Step():
                self._step_ends(event)
            case Epoch():
                self._add(measures.of_epoch(event))
                self._flush()
            case JobEnds():
                self._job_ends(event.job, event.blend)

    def _step_ends(self, step: Step) -> None:
        self._begin_step(step.step)
        self._add(measures.of_step(step))
        every = self.experiment.checkpoint_every
        if every and self.step % every == 0:
            self._flush()

    def _begin_step(self, step: int) -> None:
        """Count the entries that follow as those of this step."""
        self.step = step

    @abstractmethod
    def _training_begins(self, step: int) -> None:
        """Begin a log, or go on with one after this step."""

    @abstractmethod
    def _add(self, values: measures.Measures) -> None:
        """Log values of the present step."""

    @abstractmethod
    def _flush(self) -> None:
        """Write what is not written yet."""

    @abstractmethod
    def _job_ends(self, job: Job, blend: BlendModel | None) -> None:
        """Log the outcome of the test."""
