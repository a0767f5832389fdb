"""Standard output and error that are closed, full, or not read to their end."""

import errno
import io
import os
import shlex
import subprocess
import sys

import pytest

from resume_samples import OPTIONS, SMALL, settings
from tidegate.cli import output

TIDEGATE = f"{shlex.quote(sys.executable)} -c 'from tidegate.cli.main import main; main()'"


@pytest.fixture
def finished(tidegate, reviews, tmp_path):
    """A complete run without its report, which resuming it writes before it prints the table."""
    run = tmp_path / "run"
    small = settings(SMALL | {"linear_model.order": 0, "training.epochs": 1})
    found = tidegate("train", "imdb", "--data", reviews, "--out", run, *OPTIONS, *small)
    assert found.code == 0, found.err
    (run / "report.html").unlink()
    return run


FULL = "expected to write to it, got: No space left on device; what was to be printed there is lost"
CASES = {
    "closed": (">&-", []),
    "closed, and the errors": (">&- 2>&-", None),
    "full": (">/dev/full", [f"stdout: {FULL}"]),
    "full errors": ("2>/dev/full", None),
    "all closed": ("<&- >&- 2>&-", None),
    "a reader that leaves": ("| head -1 >/dev/null; exit ${PIPESTATUS[0]}", []),
}


BUFFERED = ("closed", "full")
"""Cases that are also tried with buffers, which are written when the process ends."""


@pytest.mark.parametrize(
    ("redirection", "told", "unbuffered"),
    [
        *(pytest.param(*CASES[name], "", id=f"{name}, buffered") for name in BUFFERED),
        *(pytest.param(*case, "1", id=name) for name, case in CASES.items()),
    ],
)
def test_the_report_is_written_whatever_becomes_of_the_output(
    finished, redirection, told, unbuffered
):
    command = f"{TIDEGATE} train --resume {shlex.quote(str(finished))} {redirection}"
    found = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    assert found.returncode == 0, found.stderr
    assert (finished / "report.html").exists()
    if told is not None:
        lines = found.stderr.splitlines()
        assert lines[0].endswith("complete already, nothing is left to do")
        assert lines[1:] == told


@pytest.mark.parametrize("arguments", ["--help", "info", "train --help", "--version"])
@pytest.mark.parametrize("redirection", [">&-", ">/dev/full 2>&-", "| true"])
def test_every_verb_ends_well_without_its_output(arguments, redirection):
    command = f"set -o pipefail; {TIDEGATE} {arguments} {redirection}"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert (found.returncode, found.stderr) == (0, "")


def test_a_misused_verb_stays_misused_without_a_place_to_say_so():
    command = f"{TIDEGATE} train 2>&- >&-"
    assert subprocess.run(["bash", "-c", command], timeout=120).returncode == 2


def test_the_streams_are_as_before_afterwards(monkeypatch):
    read, write = os.pipe()
    stream = io.TextIOWrapper(io.BufferedWriter(io.FileIO(write, "w")), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    with output.ignore_lost_output():
        assert sys.stdout is not stream
        print("one")
        sys.stdout.flush()
        os.close(read)
        print("two")
    assert sys.stdout is stream
    with pytest.raises(BrokenPipeError) as error:
        os.write(write, b"x")
    assert error.value.errno == errno.EPIPE
    stream.close()
