"""As much of MLflow as tidegate calls, in memory: for where MLflow is not installed."""

import sys
from collections import defaultdict
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import NamedTuple


class Metric(NamedTuple):
    key: str
    value: float
    timestamp: int
    step: int


class Param(NamedTuple):
    key: str
    value: str


class MlflowException(Exception):
    pass


class _Run(SimpleNamespace):
    @property
    def data(self):
        last = {metric.key: metric.value for metric in self.all_metrics}
        return SimpleNamespace(metrics=last, params=self.params, tags=self.tags)


_STORES = defaultdict(lambda: SimpleNamespace(names={}, runs={}))


class Client:
    """``MlflowClient``; clients of one address see the same runs."""

    def __init__(self, tracking_uri):
        self.store = _STORES[tracking_uri]

    def get_experiment_by_name(self, name):
        found = self.store.names.get(name)
        return found and SimpleNamespace(experiment_id=found)

    def create_experiment(self, name):
        return self.store.names.setdefault(name, str(len(self.store.names) + 1))

    def create_run(self, experiment_id, run_name):
        run_id = f"run{len(self.store.runs)}"
        info = SimpleNamespace(
            run_id=run_id, run_name=run_name, experiment_id=experiment_id, status="RUNNING"
        )
        self.store.runs[run_id] = _Run(info=info, params={}, tags={}, all_metrics=[])
        return self.store.runs[run_id]

    def get_run(self, run_id):
        if run_id not in self.store.runs:
            raise MlflowException(f"Run {run_id} not found")
        return self.store.runs[run_id]

    def update_run(self, run_id, status):
        self.get_run(run_id).info.status = status

    set_terminated = update_run

    def log_batch(self, run_id, metrics=(), params=(), tags=()):
        if len(metrics) > 1000:
            raise MlflowException("at most 1000 metrics")
        run = self.get_run(run_id)
        run.all_metrics += metrics
        run.params |= dict(params)
        run.tags |= dict(tags)

    def get_metric_history(self, run_id, key):
        return [metric for metric in self.get_run(run_id).all_metrics if metric.key == key]

    def search_runs(self, experiment_ids):
        return [r for r in self.store.runs.values() if r.info.experiment_id in experiment_ids]


def install(monkeypatch):
    """Put it in the place of the package."""
    content = {
        "mlflow": {"MlflowClient": Client},
        "mlflow.entities": {"Metric": Metric, "Param": Param, "RunTag": Param},
        "mlflow.exceptions": {"MlflowException": MlflowException},
    }
    for name, names in content.items():
        module = ModuleType(name)
        module.__dict__.update(names, __spec__=ModuleSpec(name, None))
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "tidegate.runs.mlflow_log", raising=False)
