"""Logs for TensorBoard and MLflow, read back as those tools read them."""

import json
import sys
from importlib.util import find_spec

import pytest

import fake_mlflow
from pretrained_samples import write_texts
from tidegate.application.progress_display import ProgressDisplay
from tidegate.runs import results as results_file

TINY = {
    "training.epochs": 2,
    "batch_size": 8,
    "hidden_size": 5,
    "embedding_dim": 4,
    "vocabulary_size": 20,
    "validation_share": 0.2,
    "training.learning_rate": 2e-3,
    "embedding_learning_rate": 2e-3,
    "schedule": "one-cycle",
    "warmup_share": 0.3,
}
OPTIONS = [part for key, value in TINY.items() for part in ("--set", f"{key}={value}")]
NUM_STEPS = 8
"""Of 32 training texts, in batches of 8, twice."""


@pytest.fixture
def train(tidegate, reviews, tmp_path):
    """Train in ``tmp_path / name``, with some log."""

    def run(name, log, *options):
        options = ("--threads", 1, "--checkpoint-every", 3, *OPTIONS, *options)
        outcome = tidegate(
            *("train", "imdb", "--data", reviews, "--recipe", "fast"),
            *("--log", log, "--out", tmp_path / name, *options),
        )
        return outcome, tmp_path / name

    return run


@pytest.fixture
def stopped_and_resumed(train, tidegate, monkeypatch):
    """A run that Ctrl-C stopped one step after its last checkpoint, and that went on."""

    def run(log):
        step_ends = ProgressDisplay.step_ends

        def stop(self, step):
            step_ends(self, step)
            if step.step == 7:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(ProgressDisplay, "step_ends", stop)
            outcome, folder = train("stopped", log)
        assert outcome.code == 130, outcome.err
        outcome = tidegate("train", "--resume", folder)
        assert outcome.code == 0, outcome.err
        assert "resumed after step 6" in outcome.err
        return folder

    return run


def written_losses(run, name="gru-seed0"):
    """Of every step, as the training's own log has them."""
    lines = (run / "training" / name / "history.jsonl").read_text().splitlines()
    return [(r["step"], r["loss"]) for r in map(json.loads, lines) if "step" in r]


def check(run, scalars):
    """Compare what a tool reads with what the run itself wrote.

    Args:
        scalars: Steps and values of a measure, by its name.
    """
    (job,) = results_file.load(run).jobs
    losses = scalars("train/loss")
    assert [step for step, _ in losses] == [*range(1, NUM_STEPS + 1)]
    assert losses == [(step, pytest.approx(loss, rel=1e-6)) for step, loss in written_losses(run)]
    rates = [value for _, value in scalars("train/learning_rate")]
    assert max(rates) == pytest.approx(2e-3, rel=0.05)
    assert rates[-1] < rates[-2] < max(rates)
    assert len(scalars("train/tokens_per_s")) == NUM_STEPS
    accuracies = [value for _, value in scalars("train/accuracy")]
    for epoch in job.history:
        of_epoch = accuracies[4 * (epoch.epoch - 1) : 4 * epoch.epoch]
        assert sum(of_epoch) / 4 == pytest.approx(epoch.score)
    for name, field in (("loss", "loss"), ("accuracy", "score")):
        assert scalars(f"validation/{name}") == [
            (4 * epoch.epoch, pytest.approx(getattr(epoch, f"validation_{field}"), rel=1e-6))
            for epoch in job.history
        ]
        value = pytest.approx(job.metrics[name], rel=1e-6)
        assert scalars(f"test/{name}") == [(NUM_STEPS, value)]


# --- TensorBoard ---


def tensorboard(run):
    """What TensorBoard reads of the job."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reader.EventAccumulator(str(run / "tensorboard" / "gru-seed0")).Reload()
    return events, lambda name: [(event.step, event.value) for event in events.Scalars(name)]


def test_tensorboard_reads_every_step(train):
    pytest.importorskip("tensorboard")
    outcome, run = train("run", "tensorboard")
    assert outcome.code == 0, outcome.err
    events, scalars = tensorboard(run)
    check(run, scalars)
    plugin = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert b"network.hidden_size" in plugin
    assert b"fast" in plugin
    assert [child.name for child in (run / "tensorboard").iterdir()] == ["gru-seed0"]


def test_tensorboard_has_no_step_twice_after_a_resume(stopped_and_resumed):
    pytest.importorskip("tensorboard")
    run = stopped_and_resumed("tensorboard")
    assert len([*(run / "tensorboard" / "gru-seed0").iterdir()]) >= 2
    check(run, tensorboard(run)[1])


# --- MLflow ---


@pytest.fixture(params=["fake", "real"])
def client(request, monkeypatch):
    """A client of a run's own store: of MLflow, where it is installed, and of a model of it."""
    if request.param == "fake":
        fake_mlflow.install(monkeypatch)
    elif find_spec("mlflow") is None:
        pytest.skip("mlflow is not installed")
    import mlflow

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return lambda run: mlflow.MlflowClient(tracking_uri=f"sqlite:///{run / 'mlflow.db'}")


def mlflow_run(client, run):
    """The one run in the store of a run folder, and its measures."""
    client = client(run)
    (found,) = client.search_runs([client.get_experiment_by_name("tidegate").experiment_id])

    def scalars(name):
        history = client.get_metric_history(found.info.run_id, name)
        return sorted((metric.step, metric.value) for metric in history)

    return found, scalars


def test_mlflow_reads_every_step(client, train):
    outcome, run = train("run", "mlflow")
    assert outcome.code == 0, outcome.err
    found, scalars = mlflow_run(client, run)
    check(run, scalars)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "gru-seed0"
    assert found.data.params["network.hidden_size"] == "5"
    assert found.data.params["recipe"] == "fast"
    assert found.data.params["seed"] == "0"
    assert found.data.tags["tidegate.cell"] == "gru"


def test_mlflow_goes_on_with_a_resumed_run(client, stopped_and_resumed):
    run = stopped_and_resumed("mlflow")
    found, scalars = mlflow_run(client, run)
    check(run, scalars)
    assert found.info.status == "FINISHED"


def test_a_server_that_refuses_is_named(train, monkeypatch):
    fake_mlflow.install(monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://example.org/mlflow")

    def refuse(*arguments, **options):
        raise fake_mlflow.MlflowException("no connection")

    monkeypatch.setattr(fake_mlflow.Client, "create_run", refuse)
    outcome, run = train("run", "mlflow")
    assert outcome.code == 1
    assert "--log mlflow, https://example.org/mlflow: expected MLflow to take" in outcome.err
    assert f"got: no connection; mend it and go on with --resume {run}" in outcome.err


# --- both ---


@pytest.mark.parametrize("log", ["tensorboard", "mlflow"])
def test_the_steps_of_a_second_network_are_counted_on(train, tidegate, monkeypatch, tmp_path, log):
    """Also where a run is stopped in it, and resumed."""
    if log == "tensorboard":
        pytest.importorskip("tensorboard")
    else:
        fake_mlflow.install(monkeypatch)
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    is_second, step_ends, begins = [], ProgressDisplay.step_ends, ProgressDisplay.student_begins

    def begin(self, event):
        is_second.append(True)
        begins(self, event)

    def stop(self, step):
        step_ends(self, step)
        if is_second and step.step == 7:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ProgressDisplay, "student_begins", begin)
        patch.setattr(ProgressDisplay, "step_ends", stop)
        texts = ["--unlabelled", write_texts(tmp_path / "texts.txt")]
        outcome, run = train("run", log, *texts, "--set", "self_training.epochs=1")
    assert outcome.code == 130, outcome.err
    assert tidegate("train", "--resume", run).code == 0
    if log == "tensorboard":
        _, scalars = tensorboard(run)
    else:
        import mlflow

        uri = f"sqlite:///{run / 'mlflow.db'}"
        _, scalars = mlflow_run(lambda run: mlflow.MlflowClient(tracking_uri=uri), run)
    second = written_losses(run, "gru-seed0/student")
    assert [step for step, _ in second] == [*range(1, 12)]  # 82 texts in batches of 8
    expected = [*written_losses(run), *((NUM_STEPS + step, loss) for step, loss in second)]
    assert scalars("train/loss") == [
        (step, pytest.approx(loss, rel=1e-6)) for step, loss in expected
    ]
    assert [step for step, _ in scalars("validation/loss")] == [4, 8, 19]
    assert [step for step, _ in scalars("test/loss")] == [19]


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_missing_package_is_named_before_anything_is_done(name, train, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    outcome, run = train("run", name)
    assert outcome.code == 1
    assert f"--log {name}: expected the package {name}, got none; pip install {name}" in outcome.err
    assert not run.exists()


def test_an_unknown_log_is_refused(train):
    outcome, run = train("run", "tensorbord")
    assert outcome.code == 2
    assert "'tensorboard', 'mlflow'" in outcome.err
    assert not run.exists()
