"""A run folder from a stranger: nothing in it leads out of it, and no pipe is waited for."""

import os
import shutil
from pathlib import Path

import pytest

import fake_mlflow
from checkpoint_samples import FINGERPRINT
from hostile_samples import JOB, STEP, contents, refused, rewrite, stop_a_run
from tidegate.errors import RunFolderError
from tidegate.runs import results as results_file
from tidegate.storage.checkpoint import Checkpoints
from tidegate.storage.lock import FolderLock
from tidegate.storage.log import HistoryLog

SEALED = ("fingerprint.json", "manifest.json", "state.json", "tensors.safetensors")
READ_OR_WRITTEN = [
    "results.json",
    "predictions.npz",
    "report.html",
    "models",
    "models/gru-seed0.json",
    "models/gru-seed0.npz",
    "pretraining",
    "training",
    "training/lock",
    JOB,
    f"{JOB}/history.jsonl",
    f"{JOB}/mlflow_run_id",
    f"{JOB}/checkpoints",
    f"{JOB}/checkpoints/lock",
    STEP,
    *(f"{STEP}/{name}" for name in SEALED),
    "tensorboard",
    "tensorboard/gru-seed0",
    "mlflow.db",
    "mlflow.db-journal",
    # What looks like the work of a killed process is removed.
    ".results.json.1.0123abcd",
    f"{JOB}/checkpoints/.step-00000009.1.0123abcd",
    f"{JOB}/checkpoints/step-00000009",
]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that Ctrl-C stopped."""
    return stop_a_run(tmp_path_factory.mktemp("stopped"))


@pytest.fixture
def run(stopped, tmp_path):
    """A copy of it to spoil."""
    return Path(shutil.copytree(stopped, tmp_path / "run"))


@pytest.fixture
def canary(tmp_path):
    """A folder of the user's that must not change, and a file in it."""
    folder = tmp_path / "home"
    (folder / "folder").mkdir(parents=True)
    (folder / "folder" / "more").write_text("precious too")
    (folder / "file").write_text("precious")
    return folder


def put_away(path):
    """Make room for something else of that name."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize("target", ["file", "folder", "nothing"])
@pytest.mark.parametrize("place", READ_OR_WRITTEN)
def test_a_link_anywhere_is_refused_and_what_it_leads_to_unharmed(
    run, canary, tidegate, place, target
):
    before = contents(canary)
    put_away(run / place)
    (run / place).symlink_to(canary / target)
    refused(
        tidegate("train", "--resume", run),
        f"run folder {run}: expected folders and regular files alone, got a symbolic link, "
        f"{place}; put what belongs there in its place",
    )
    assert contents(canary) == before
    assert not (canary / "nothing").exists()


def test_a_link_to_itself_is_refused(run, tidegate):
    put_away(run / "models")
    (run / "models").symlink_to("models")
    refused(tidegate("train", "--resume", run), "got a symbolic link, models;")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("place", READ_OR_WRITTEN)
def test_a_named_pipe_anywhere_is_refused_and_not_waited_for(run, tidegate, place):
    put_away(run / place)
    os.mkfifo(run / place)
    refused(tidegate("train", "--resume", run), f"got a named pipe, {place}; put what belongs")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_plan_that_is_no_regular_file_is_refused(run, canary, tidegate, kind):
    plan = run / "run.json"
    plan.rename(canary / "run.json")
    what = {"link": "a symbolic link, where", "pipe": "a named pipe", "folder": "Is a directory"}
    if kind == "link":
        plan.symlink_to(canary / "run.json")
    elif kind == "pipe":
        os.mkfifo(plan)
    else:
        plan.mkdir()
    refused(
        tidegate("train", "--resume", run),
        f"{plan}: expected a readable file, got {what[kind]}",
        "; put back a copy of it, or start the run anew in another folder",
    )


@pytest.mark.parametrize(
    "place", ["training/lock", f"{JOB}/checkpoints/lock", f"{JOB}/history.jsonl", "mlflow.db"]
)
def test_a_file_with_a_second_name_is_not_written_in_place(
    run, canary, tidegate, monkeypatch, place
):
    fake_mlflow.install(monkeypatch)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if place == "mlflow.db":
        rewrite(run / "run.json", lambda plan: plan.update(logs=["mlflow"]))
    if (run / place).exists():
        shutil.copyfile(run / place, canary / "file")
    before = contents(canary)
    put_away(run / place)
    (run / place).hardlink_to(canary / "file")
    refused(
        tidegate("train", "--resume", run),
        "a file of 2 names (hard links); put a copy of it in its place",
    )
    assert contents(canary) == before


def test_a_file_that_is_replaced_may_have_a_second_name(run, canary, tidegate):
    """Backups that share files with what they are of stay as they are."""
    (canary / "results.json").hardlink_to(run / "results.json")
    before = contents(canary)
    outcome = tidegate("train", "--resume", run)
    assert outcome.code == 0, outcome.err
    assert contents(canary) == before
    assert results_file.load(run).status == "complete"


# Without the command, each class alone


@pytest.mark.parametrize("kind", ["link", "pipe", "hard link"])
def test_lock_and_log_open_regular_files_alone(tmp_path, canary, kind):
    before = contents(canary)
    for name, begin in (
        ("lock", lambda: FolderLock(tmp_path)),
        ("lock", lambda: Checkpoints(tmp_path, fingerprint=FINGERPRINT)),
        ("log", lambda: HistoryLog(tmp_path / "log", num_bytes=0)),
    ):
        if kind == "link":
            (tmp_path / name).symlink_to(canary / "file")
        elif kind == "pipe":
            os.mkfifo(tmp_path / name)
        else:
            (tmp_path / name).hardlink_to(canary / "file")
        text = {"link": "a symbolic link", "pipe": "a named pipe", "hard link": "of 2 names"}[kind]
        with pytest.raises(RunFolderError, match=text):
            begin()
        put_away(tmp_path / name)
    assert contents(canary) == before


def test_leftovers_that_are_links_go_and_what_they_lead_to_stays(tmp_path, canary):
    before = contents(canary)
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for number, target in enumerate(("folder", "file", "nothing")):
        (folder / f".step-0000000{number}.1.0123abcd").symlink_to(canary / target)
    Checkpoints(folder, fingerprint=FINGERPRINT).close()
    assert [path.name for path in folder.iterdir()] == ["lock"]
    assert contents(canary) == before
