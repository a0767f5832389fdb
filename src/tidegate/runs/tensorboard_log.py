"""Event files for TensorBoard: ``tensorboard --logdir RUN/tensorboard``."""

import time
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from tidegate.runs import measures
from tidegate.runs.experiment import Experiment
from tidegate.runs.job_log import JobLog
from tidegate.runs.results import BlendModel, Job
from tidegate.runs.run_folder import name_of
from tidegate.storage.os_errors import as_run_folder_error

FOLDER = "tensorboard"


class TensorBoardLog(JobLog):
    """One TensorBoard run a job, ``RUN/tensorboard/CELL-seedN``.

    The steps of a checkpoint are on the disk before it: a killed run loses none that the resumed
    one does not make again, and TensorBoard forgets those that were made twice.
    """

    def __init__(self, experiment: Experiment, run_folder: Path) -> None:
        super().__init__(experiment)
        self.folder = run_folder / FOLDER
        self.writer: SummaryWriter | None = None

    def close(self) -> None:
        """See :class:`~tidegate.runs.logs.Log`."""
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

    def _begin_step(self, step: int) -> None:
        self._open(self.step)
        super()._begin_step(step)

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
