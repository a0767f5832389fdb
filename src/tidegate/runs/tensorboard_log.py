"""Event files for TensorBoard: ``tensorboard --logdir RUN/tensorboard``."""

import time
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from tidegate.runs import measures
from tidegate.runs.events import JobBegins, JobEnds, RunEvent
from tidegate.runs.experiment import Experiment
from tidegate.runs.results import BlendModel, Job
from tidegate.runs.run_folder import name_of
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.training.events import TrainingBegins
from tidegate.training.history import Epoch, Step

FOLDER = "tensorboard"


class TensorBoardLog:
    """One TensorBoard run a job, ``RUN/tensorboard/CELL-seedN``.

    The steps of a checkpoint are on the disk before it: a killed run loses none that the resumed
    one does not make again, and TensorBoard forgets those that were made twice.
    """

    def __init__(self, experiment: Experiment, run_folder: Path) -> None:
        self.experiment, self.folder = experiment, run_folder / FOLDER
        self.writer: SummaryWriter | None = None

    def __call__(self, event: RunEvent) -> None:
        """See :class:`Log`."""
        match event:
            case JobBegins():
                self.cell, self.seed = event.cell, event.seed
            case TrainingBegins():
                self._training_begins(event.step)
            case Step():
                self._step_ends(event)
            case Epoch():
                self._epoch_ends(event)
            case JobEnds():
                self._job_ends(event.job, event.blend)

    def close(self) -> None:
        """See :class:`Log`."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None

    def _training_begins(self, step: int) -> None:
        """Earlier event files count up to ``step``; with the next figures a new one begins.

        Not before, for it makes TensorBoard forget later steps: those of a second network, where
        the first one has none left to make.
        """
        self.close()
        self.step = step

    def _step_ends(self, step: Step) -> None:
        self._open(self.step)
        self.step = step.step
        self._add(measures.of_step(step))
        every = self.experiment.checkpoint_every
        if every and self.step % every == 0:
            self._flush()

    def _epoch_ends(self, epoch: Epoch) -> None:
        self._add(measures.of_epoch(epoch))
        self._flush()

    def _job_ends(self, job: Job, blend: BlendModel | None) -> None:
        """Write the outcome, and the recipe for TensorBoard's table of hyperparameters."""
        writer = self._open(self.step)
        parameters = measures.parameters(self.experiment, job.cell, job.seed)
        _await_later_name(self.folder / name_of(job.cell, job.seed))
        # In the run's own folder, for the table would show one of its own beside the run.
        writer.add_hparams(
            parameters, measures.of_test(job, blend), run_name=".", global_step=self.step
        )
        self.close()

    def _open(self, step: int) -> SummaryWriter:
        """The event file that is written; a new one where there is none, for what follows."""
        if self.writer is None:
            path = self.folder / name_of(self.cell, self.seed)
            _await_later_name(path)
            with as_run_folder_error(f"{path}: expected a folder that can be written"):
                self.writer = SummaryWriter(str(path), purge_step=step + 1)
        return self.writer

    def _add(self, values: measures.Measures) -> None:
        assert self.writer is not None
        for name, value in values.items():
            self.writer.add_scalar(name, value, self.step)

    def _flush(self) -> None:
        assert self.writer is not None
        with as_run_folder_error(f"{self.folder}: expected to write events"):
            self.writer.flush()


def _await_later_name(path: Path) -> None:
    """Wait until a new event file's name sorts after those in a folder: TensorBoard reads by name,
    which begins with the second, and two of one second may stand in any order."""
    while any(path.glob(f"events.out.tfevents.{int(time.time()):010d}.*")):
        time.sleep(0.05)
