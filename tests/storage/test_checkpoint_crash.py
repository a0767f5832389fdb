"""A run killed, or refused by the disk, at any file operation goes on to the same bytes."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from checkpoint_samples import (
    FINGERPRINT,
    NUM_STEPS,
    around_operations,
    contents,
    digest,
    expected_digest,
    first_tensors,
    train,
)
from tidegate.errors import RunFolderError
from tidegate.storage.checkpoint import Checkpoints

PROGRAM = Path(__file__).parents[1] / "checkpoint_samples.py"


@pytest.fixture(autouse=True)
def unsynced(monkeypatch):
    """Nothing here needs the disk itself, and waiting for it would be most of the time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The files of a run that nothing stopped, one step longer than the stopped ones."""
    run = tmp_path_factory.mktemp("unbroken")
    train(run, num_steps=NUM_STEPS + 1, notify=pytest.fail)
    return contents(run)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Folders of killed runs, and of each how many kills there were."""
    out = tmp_path_factory.mktemp("killed")
    done = subprocess.run(
        [sys.executable, PROGRAM, out],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return out, json.loads(done.stdout)


def newest_of(run, notify=pytest.fail):
    with Checkpoints(run / "checkpoints", fingerprint=FINGERPRINT) as checkpoints:
        return checkpoints.newest(notify)


def names_of(run):
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def assert_goes_on(run, unbroken):
    train(run, num_steps=NUM_STEPS + 1, notify=pytest.fail)
    assert contents(run) == unbroken, run
    assert names_of(run) == ["lock", "step-00000003", "step-00000004"], run


@pytest.mark.parametrize("mode", ["before", "within"])
def test_a_run_killed_at_any_operation_goes_on_to_the_same_bytes(killed, unbroken, mode):
    out, num_kills = killed
    assert num_kills[mode] > 20 * NUM_STEPS
    steps = []
    for target in range(1, num_kills[mode] + 1):
        run = out / mode / str(target)
        found = newest_of(run)
        steps.append(found.step if found else 0)
        if found:
            assert digest(found.tensors) == expected_digest(found.step), target
        assert_goes_on(run, unbroken)
    # The newest checkpoint never goes back as the kill comes later, and skips none.
    assert steps == sorted(steps)
    assert set(steps) == set(range(NUM_STEPS + 1))


def test_runs_killed_again_and_again_end_with_the_same_bytes(killed, unbroken):
    out, num_kills = killed
    runs = sorted((out / "again").iterdir())
    assert num_kills["again"] > 2 * len(runs) > 40
    for run in runs:
        assert_goes_on(run, unbroken)


def fail_at(target, code, *, for_good):
    """An ``act`` that lets the disk fail at an operation, and from then on if ``for_good``."""

    def act(number, name, operation, arguments):
        if number == target or (for_good and number > target):
            if name == "close":
                operation(*arguments)
            if name == "write":
                operation(arguments[0], arguments[1][: len(arguments[1]) // 2])
            raise OSError(code, os.strerror(code))
        return operation(*arguments)

    return act


def error_of_training(run, act, saved):
    try:
        with around_operations(act):
            train(run, notify=pytest.fail, saved=saved)
    except RunFolderError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("code", "for_good", "remedy"),
    [
        (errno.ENOSPC, False, "No space left on device; free some space on the disk"),
        (errno.ENOSPC, True, "No space left on device; free some space on the disk"),
        (errno.EROFS, True, "Read-only file system; make the disk writable"),
        (errno.EACCES, False, "Permission denied; make the folder writable"),
        (errno.EIO, False, "Input/output error; the disk reports a fault"),
    ],
    ids=["full once", "full for good", "read-only for good", "forbidden once", "broken once"],
)
def test_a_disk_that_fails_at_any_operation_is_told_and_harms_nothing(
    tmp_path, unbroken, code, for_good, remedy
):
    num_failed = 0
    for target in range(1, 10_000):
        run = tmp_path / str(target)
        run.mkdir()
        saved = [0]
        error = error_of_training(run, fail_at(target, code, for_good=for_good), saved.append)
        if error is None:
            break
        assert remedy in error, target
        num_failed += 1
        if not for_good:
            assert not list(run.glob(f"checkpoints/.step-{saved[-1] + 1:08d}*")), target
        found = newest_of(run)
        assert (found.step if found else 0) in (saved[-1], saved[-1] + 1), target
        if found:
            assert digest(found.tensors) == expected_digest(found.step), target
        assert_goes_on(run, unbroken)
    assert num_failed > 20 * NUM_STEPS


def test_a_real_limit_on_file_sizes_leaves_the_checkpoint_before(tmp_path):
    program = (
        "import resource, sys; from pathlib import Path; import numpy as np\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from checkpoint_samples import FINGERPRINT, first_tensors\n"
        "from tidegate.storage.checkpoint import Checkpoints\n"
        "with Checkpoints(Path(sys.argv[1]), fingerprint=FINGERPRINT) as checkpoints:\n"
        "    checkpoints.save(1, first_tensors(), {})\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        "    checkpoints.save(2, {'large': np.zeros(4096)}, {})\n"
    )
    folder = tmp_path / "checkpoints"
    done = subprocess.run(
        [sys.executable, "-c", program, folder, PROGRAM.parent],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"tidegate.errors.RunFolderError: checkpoint of step 2 in {folder}: expected to write it, "
        "got: File too large; raise the limit on the size of files (ulimit -f); those before it "
        "are untouched"
    )
    assert names_of(tmp_path) == ["lock", "step-00000001"]
    assert digest(newest_of(tmp_path).tensors) == digest(first_tensors())
