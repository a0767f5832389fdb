"""``--resume`` from the command line: what it goes on with, what it refuses, what it says."""

import errno
import json
import os
import shutil
import signal

import pytest

from checkpoint_samples import around_operations
from resume_samples import OPTIONS, SMALL, outcome, settings
from tidegate.storage.lock import FolderLock
from tidegate.training import classification
from training_samples import EVERYTHING


@pytest.fixture
def train(tidegate, reviews, monkeypatch):
    """Begin a run of eight steps that saves after every third and after an epoch, the fourth."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    small = settings(SMALL | {"linear_model.order": 0})

    def run(out, *options, verb="train"):
        return tidegate(verb, "imdb", "--data", reviews, "--out", out, *OPTIONS, *small, *options)

    return run


@pytest.fixture
def at_step(monkeypatch):
    """Raise an error in place of a step, or call something before it; steps count from 1 over all
    processes' trainings."""
    original = classification.step

    def plan(number, error):
        calls = 0

        def step(*arguments):
            nonlocal calls
            calls += 1
            if calls == number:
                if callable(error):
                    error()
                else:
                    raise error
            return original(*arguments)

        monkeypatch.setattr(classification, "step", step)

    return plan


def said(outcome, code, *texts):
    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err
    assert "defect" not in outcome.err
    for text in texts:
        assert text in outcome.err, (text, outcome.err)


@pytest.fixture
def stopped(train, at_step, tmp_path):
    """A run that Ctrl-C stopped in its sixth step."""
    at_step(6, KeyboardInterrupt())
    said(train(tmp_path / "run"), 130)
    return tmp_path / "run"


def checkpoints(run):
    return sorted(path.name for path in run.glob("training/*/checkpoints/step-*"))


@pytest.mark.parametrize("verb", ["train", "compare"])
def test_ctrl_c_says_how_to_go_on_and_that_works(train, at_step, tidegate, tmp_path, verb):
    run = tmp_path / "run"
    options = [*settings(EVERYTHING), "--seed", 3]
    if verb == "compare":
        options += ["--cells", "gru,rnn"]
    said(train(tmp_path / "unbroken", *options, verb=verb), 0)
    at_step(6, KeyboardInterrupt())
    said(
        train(run, *options, verb=verb),
        130,
        "Stopped by Ctrl-C",
        f"To go on: tidegate {verb} --resume {run}",
    )
    assert json.loads((run / "results.json").read_text())["status"] == "interrupted"
    assert (run / "report.html").exists()
    assert checkpoints(run) == ["step-00000003", "step-00000004"]
    at_step(4, KeyboardInterrupt())
    said(tidegate(verb, "--resume", run), 130, "resumed after step 4")
    at_step(-1, None)
    said(tidegate(verb, "--resume", run), 0, "resumed after step 6")
    assert outcome(run) == outcome(tmp_path / "unbroken")
    assert checkpoints(run) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["SIGTERM", "SIGHUP"]
)
def test_a_signal_that_ends_the_process_is_as_ctrl_c(
    train, at_step, tidegate, tmp_path, number, code
):
    run = tmp_path / "a run; of mine"
    said(train(tmp_path / "unbroken"), 0)
    at_step(6, lambda: signal.raise_signal(number))
    said(
        train(run),
        code,
        f"Stopped by {number.name}",
        f"To go on: tidegate train --resume '{run}'",
    )
    assert json.loads((run / "results.json").read_text())["status"] == "interrupted"
    assert signal.getsignal(number) is signal.SIG_DFL
    said(tidegate("train", "--resume", run), 0, "resumed after step 4")
    assert outcome(run) == outcome(tmp_path / "unbroken")


def test_a_signal_that_is_ignored_stays_so(train, at_step, tmp_path):
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        at_step(6, lambda: signal.raise_signal(signal.SIGHUP))
        said(train(tmp_path / "run"), 0)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


OUT_OF_MEMORY = {
    "Python": MemoryError(),
    "NumPy": MemoryError("Unable to allocate 7.28 TiB for an array"),
    "PyTorch": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:128] . DefaultCPUAllocator: can't allocate memory: you "
        "tried to allocate 4000000000000 bytes.\nframe #0: c10::ThrowEnforceNotMet"
    ),
    "the system": OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
}


@pytest.mark.parametrize("error", OUT_OF_MEMORY.values(), ids=OUT_OF_MEMORY)
def test_memory_that_ends_while_training_is_said_with_what_to_change(
    train, at_step, tmp_path, error
):
    at_step(2, error)
    found = train(tmp_path / "run")
    said(found, 1, "Error: memory: expected as much as this takes, got: ", "lower batch_size")
    assert "To go on" not in found.err
    assert "frame #0" not in found.err


def test_a_number_too_large_is_said(train, at_step, tmp_path):
    at_step(2, OverflowError("cannot fit 'int' into an index-sized integer"))
    said(train(tmp_path / "run"), 1, "got: cannot fit 'int' into an index-sized integer; lower")


def test_a_panic_of_rust_shows_no_traceback(train, at_step, tmp_path):
    class PanicException(BaseException): ...

    at_step(2, PanicException("a pointer is null"))
    found = train(tmp_path / "run")
    assert found.code == 1
    assert "Error: PanicException: a pointer is null. This is a defect" in found.err


def test_a_run_without_its_checkpoints_says_that_it_begins_anew(stopped, train, tidegate, tmp_path):
    shutil.rmtree(stopped / "training")
    said(
        tidegate("train", "--resume", stopped),
        0,
        f"run folder {stopped}: expected checkpoints to go on from, got none; what is not finished "
        "begins anew",
    )
    said(train(tmp_path / "unbroken"), 0)
    assert outcome(stopped) == outcome(tmp_path / "unbroken")


def test_ctrl_c_before_the_first_checkpoint(train, at_step, tidegate, tmp_path):
    said(train(tmp_path / "unbroken"), 0)
    at_step(1, KeyboardInterrupt())
    said(train(tmp_path / "run"), 130, "To go on: tidegate train --resume")
    said(tidegate("train", "--resume", tmp_path / "run"), 0)
    assert outcome(tmp_path / "run") == outcome(tmp_path / "unbroken")


def test_a_damaged_checkpoint_is_said_and_the_one_before_used(train, stopped, tidegate, tmp_path):
    (newest,) = stopped.glob("training/*/checkpoints/step-00000004")
    (newest / "state.json").write_bytes((newest / "state.json").read_bytes()[:-20])
    said(
        tidegate("train", "--resume", stopped),
        0,
        f"checkpoint {newest} is damaged and passed over: state.json: expected bytes",
        "that of step 3 is used instead",
        "resumed after step 3",
    )
    said(train(tmp_path / "unbroken"), 0)
    assert outcome(stopped) == outcome(tmp_path / "unbroken")


def test_damaged_checkpoints_alone_are_refused(stopped, tidegate):
    for path in stopped.glob("training/*/checkpoints/step-*/state.json"):
        path.write_bytes(b"")
    said(
        tidegate("train", "--resume", stopped),
        1,
        "expected one that is whole, got only damaged ones: step-00000004 (state.json",
        "put back a copy, or start again in another folder",
    )


def rewrite(path, change):
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_another_configuration_is_refused(stopped, tidegate):
    rewrite(
        stopped / "run.json",
        lambda plan: plan["experiment"]["recipe"]["network"].update(hidden_size=6),
    )
    before = (stopped / "results.json").read_bytes()
    for _ in range(2):
        said(
            tidegate("train", "--resume", stopped),
            1,
            "expected the run that its results are of, got another",
            "network.hidden_size was 5, is 6",
        )
    assert (stopped / "results.json").read_bytes() == before
    # Without the results it is the checkpoint that refuses.
    (stopped / "results.json").unlink()
    said(
        tidegate("train", "--resume", stopped),
        1,
        "expected the run that saved it, got another: configuration.network.hidden_size was 5",
    )
    assert checkpoints(stopped) == ["step-00000003", "step-00000004"]


def test_other_data_is_refused(stopped, tidegate, reviews):
    (reviews / "train" / "pos" / "0_7.txt").write_text("another text")
    said(tidegate("train", "--resume", stopped), 1, "data.training_sha256 was")
    (stopped / "results.json").unlink()
    said(tidegate("train", "--resume", stopped), 1, "data.training_sha256 was", "saved it")


def test_other_threads_are_refused_unless_they_are_allowed(stopped, tidegate):
    resume = ["train", "--resume", stopped, "--threads", 2]
    said(
        tidegate(*resume),
        1,
        "expected what computed it, got other means: exactness.threads was 1, is 2",
        "or with --allow-inexact, after which it may end with other bits",
    )
    said(tidegate(*resume, "--allow-inexact"), 0, "is resumed inexactly", "threads was 1, is 2")


def test_an_option_that_resuming_cannot_change_is_refused(stopped, tidegate):
    said(
        tidegate("train", "--resume", stopped, "--set", "training.epochs=3", "--cell", "rnn"),
        2,
        "--resume goes on as the run was begun: expected no",
        "--set",
        "--cell",
    )


def test_a_complete_run_is_left_as_it_is(train, tidegate, tmp_path):
    run = tmp_path / "run"
    said(train(run), 0)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    again = tidegate("train", "--resume", run)
    said(again, 0, "complete already, nothing is left to do")
    assert "Test results" in again.out
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    del before[run / "training" / "lock"], after[run / "training" / "lock"]
    assert before == after


def test_a_folder_that_is_no_run_is_refused_and_not_made(tidegate, tmp_path):
    said(tidegate("train", "--resume", tmp_path / "none"), 1, "with run.json, got none")
    assert not (tmp_path / "none").exists()


def test_a_run_that_another_process_holds_is_refused(stopped, tidegate):
    before = (stopped / "results.json").read_bytes()
    with FolderLock(stopped / "training"):
        said(tidegate("train", "--resume", stopped), 1, f"held by process {os.getpid()}")
    assert (stopped / "results.json").read_bytes() == before


def test_what_a_killed_process_left_half_written_goes(train, tidegate, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / ".run.json.123.0123abcd").write_text("{")
    said(train(run), 0)
    assert [path.name for path in run.glob(".*")] == []


RATES = {"training.learning_rate": 1000, "embedding_learning_rate": 1000}


@pytest.mark.parametrize(
    ("settings_", "texts"),
    [
        (
            # Every move is a billion times as far as the one before.
            RATES | {"weight_decay": 1e6, "batch_size": 2, "training.epochs": 1},
            ["epoch 1, step ", ": expected a finite loss, got", " of the epoch", "examples"],
        ),
        (
            # All is well until the last step of the epoch, and nothing reads what came of it.
            RATES | {"batch_size": 32, "max_length": 4, "clip_norm": 0},
            ["expected a validation loss not far above 0.693, that of a constant answer, got "],
        ),
    ],
    ids=["a step", "an epoch"],
)
def test_a_training_that_diverges_says_where_and_what_to_try(train, tmp_path, settings_, texts):
    outcome = train(
        tmp_path / "run", *settings({"schedule": "constant", "adversarial_norm": 0} | settings_)
    )
    said(outcome, 1, *texts, "the largest gradient is", "Try a lower learning rate (--set", "stays")
    (where,) = (tmp_path / "run").glob("training/*/checkpoints")
    assert str(where) in outcome.err
    # It would end so again.
    assert "To go on" not in outcome.err
    assert json.loads((tmp_path / "run" / "results.json").read_text())["status"] == "interrupted"


def test_the_last_good_checkpoint_outlives_a_training_that_diverges(
    train, stopped, tidegate, monkeypatch
):
    original = classification.step

    def step(model, *arguments):
        found = original(model, *arguments)
        model.head.bias.data.fill_(float("nan"))
        return found

    monkeypatch.setattr(classification, "step", step)
    said(
        tidegate("train", "--resume", stopped),
        1,
        "epoch 2, step 6: expected a finite loss, got nan on batch 2 of the epoch",
        "training examples",
        "the largest gradient is inf",
    )
    assert checkpoints(stopped) == ["step-00000003", "step-00000004"]
    monkeypatch.setattr(classification, "step", original)
    said(tidegate("train", "--resume", stopped), 0, "resumed after step 4")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "No space left on device; free some space on the disk"),
        (errno.EROFS, "Read-only file system; make the disk writable"),
    ],
    ids=["full", "read-only"],
)
def test_a_disk_that_fails_while_training_is_told_and_harms_nothing(
    train, tidegate, tmp_path, code, remedy
):
    said(train(tmp_path / "unbroken"), 0)
    total = 0

    def count(number, name, operation, arguments):
        nonlocal total
        total = number
        return operation(*arguments)

    with around_operations(count):
        said(train(tmp_path / "counted"), 0)
    # Somewhere in the results, in every checkpoint, in the model.
    for target in range(16, total, 21):
        run = tmp_path / str(target)

        def fail(number, name, operation, arguments, target=target):
            if number >= target and name not in ("close", "remove", "remove_folder"):
                raise OSError(code, os.strerror(code))
            return operation(*arguments)

        with around_operations(fail):
            found = train(run)
        said(found, 1, remedy, "To go on: tidegate train --resume")
        assert found.err.count("Error:") == 1
        said(tidegate("train", "--resume", run), 0)
        assert outcome(run) == outcome(tmp_path / "unbroken"), target
