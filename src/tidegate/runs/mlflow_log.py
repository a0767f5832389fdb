"""Runs in MLflow: parameters, metrics and tags of every job."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

import tidegate
from tidegate.errors import LogError
from tidegate.runs import measures
from tidegate.runs.experiment import Experiment
from tidegate.runs.job_log import JobLog
from tidegate.runs.results import BlendModel, Job
from tidegate.runs.run_folder import TRAINING, name_of
from tidegate.storage import regular
from tidegate.storage.atomic import write_text

STORE = "mlflow.db"
RUN_ID = "mlflow_run_id"
MOST_ID_BYTES = 1 << 10
MOST_METRICS = 1000
"""That a server takes at once."""


class MLflowLog(JobLog):
    """One MLflow run a job, in the store that ``MLFLOW_TRACKING_URI`` names.

    Else in a data base of the run folder's own: ``mlflow ui --backend-store-uri
    sqlite:///RUN/mlflow.db``. (MLflow keeps no new runs in plain files any more.)

    A resumed job goes on with its run. MLflow forgets nothing, so steps that are in it already are
    not told again: they have the same bits.
    """

    def __init__(self, experiment: Experiment, run_folder: Path) -> None:
        super().__init__(experiment)
        self.run_folder = run_folder
        own = f"sqlite:///{(run_folder / STORE).absolute()}"
        uri = os.environ.get("MLFLOW_TRACKING_URI") or own
        self.where = f"--log mlflow, {uri}"
        with self._as_log_error():
            # MLflow writes the store in place, and SQLite its journals beside it.
            for path in run_folder.glob(f"{STORE}*"):
                regular.check_regular(path)
                regular.check_single(path, path.stat().st_nlink)
            self.client = mlflow.MlflowClient(tracking_uri=uri)
        self.waiting: list[Metric] = []
        self.run_id = ""

    def close(self) -> None:
        """See :class:`~tidegate.runs.logs.Log`."""
        if self.run_id:
            self._end("KILLED")

    def _training_begins(self, step: int) -> None:
        """Make a run, or take up that of the job."""
        self.step = step
        note = self.run_folder / TRAINING / name_of(self.cell, self.seed) / RUN_ID
        with self._as_log_error():
            if os.path.lexists(note):
                content = regular.read(note, MOST_ID_BYTES)
                self.run_id = content.decode("utf-8", errors="replace").strip()
                self.client.update_run(self.run_id, status="RUNNING")
            else:
                self.run_id = self._create_run()
                note.parent.mkdir(parents=True, exist_ok=True)
                write_text(note, self.run_id + "\n")
            known = self.client.get_run(self.run_id).data.metrics
            self.last_steps = {
                key: max(m.step for m in self.client.get_metric_history(self.run_id, key))
                for key in known
            }

    def _job_ends(self, job: Job, blend: BlendModel | None) -> None:
        self._add(measures.of_test(job, blend))
        self._end("FINISHED")

    def _create_run(self) -> str:
        title = os.environ.get("MLFLOW_EXPERIMENT_NAME", "tidegate")
        known = self.client.get_experiment_by_name(title)
        group = self.client.create_experiment(title) if known is None else known.experiment_id
        tags = {
            "tidegate.version": tidegate.__version__,
            "tidegate.run_folder": str(self.run_folder.absolute()),
            "tidegate.cell": self.cell,
        }
        name = name_of(self.cell, self.seed)
        run_id: str = self.client.create_run(group, run_name=name).info.run_id
        values = measures.parameters(self.experiment, self.cell, self.seed)
        self.client.log_batch(
            run_id,
            params=[Param(key, str(value)) for key, value in values.items()],
            tags=[RunTag(key, value) for key, value in tags.items()],
        )
        return run_id

    def _add(self, values: measures.Measures) -> None:
        now_ms = int(time.time() * 1e3)
        self.waiting += [
            Metric(key, value, now_ms, self.step)
            for key, value in values.items()
            if self.step > self.last_steps.get(key, -1)
        ]
        if len(self.waiting) > MOST_METRICS - len(values):
            self._flush()

    def _flush(self) -> None:
        with self._as_log_error():
            self.client.log_batch(self.run_id, metrics=self.waiting)
        self.waiting = []

    def _end(self, status: str) -> None:
        self._flush()
        with self._as_log_error():
            self.client.set_terminated(self.run_id, status=status)
        self.run_id = ""

    @contextmanager
    def _as_log_error(self) -> Iterator[None]:
        try:
            yield
        except (MlflowException, OSError) as error:
            raise LogError(
                f"{self.where}: expected MLflow to take the figures, got: {error}; mend it and go "
                f"on with --resume {self.run_folder}"
            ) from error
