"""What a training shows: one line at a terminal of any width, plain lines elsewhere."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tidegate.application.progress_display import ProgressDisplay
from tidegate.runs.events import JobBegins, RunBegins
from tidegate.runs.experiment import Experiment
from tidegate.runs.run_config import RunConfig
from tidegate.training.events import EpochBegins, TrainingBegins
from tidegate.training.history import Epoch, Step
from tidegate.training.recipe import load


def show(epochs=3, num_steps=1234):
    """A screen that is told of the last steps of a training."""
    recipe = load("fast").with_settings([f"training.epochs={epochs}"])
    screen = ProgressDisplay()
    screen(begins(recipe))
    screen(JobBegins("gru", 0, "a path", []))
    screen(TrainingBegins((epochs - 1) * num_steps))
    screen(EpochBegins(epochs, num_steps, num_steps - 3))
    for number in (2, 1, 0):
        screen(
            Step(
                step=epochs * num_steps - number,
                loss=0.5,
                score=0.5,
                learning_rate=1e-3,
                num_tokens=20_000,
                ms=40.0,
                mean_loss=0.4322,
                mean_score=0.81234,
            )
        )
        screen.progress.refresh()
    screen(Epoch(epochs, 0.4, 0.8, 0.3, 0.9, 1234.0, 40.0))
    screen.progress.stop()


def begins(recipe):
    """The first event of a training of a GRU."""
    return RunBegins(RunConfig("imdb", None, Experiment(recipe, ("gru",), (0,), 1)), Path("run"))


def lines_at_terminal(columns, epochs, num_steps):
    """Everything that :func:`show` draws at a terminal so wide, between carriage returns."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import show; show({epochs}, {num_steps})"],
        stdin=terminal,
        stderr=terminal,
        cwd=Path(__file__).parent,
        env={**environment, "TERM": "xterm-256color"},
    )
    os.close(terminal)
    drawn = b""
    try:
        while piece := os.read(reader, 65536):
            drawn += piece
    except OSError:  # what Linux says at the end of a terminal
        pass
    os.close(reader)
    assert process.wait() == 0
    text = drawn.decode()
    assert "\x1b[1A" not in text, "the bar takes more than one line"
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text))


@pytest.mark.parametrize(
    ("columns", "epochs", "num_steps"), [(80, 3, 1234), (120, 12, 12_345)], ids=["80", "120"]
)
def test_the_bar_fits_one_line(columns, epochs, num_steps):
    lines = lines_at_terminal(columns, epochs, num_steps)
    assert max(map(len, lines)) <= columns
    bars = [line for line in lines if "left" in line]
    assert bars, lines
    last = bars[-1]
    place = f"epoch {epochs}/{epochs}"
    assert re.match(f"{place} +[━╸╺]+ step {num_steps}/{num_steps}  ", last), last
    assert "loss 0.4322  acc 0.8123  500k tok/s  left 0:00" in last
    assert len(last.rstrip()) == columns
    ends = [line.rstrip() for line in lines if "val loss" in line]
    speed = "500k tok/s  " if columns == 120 else ""
    assert ends == [
        f"{place}  1234 s  {speed}loss 0.4000  acc 0.8000  val loss 0.3000  val acc 0.9000"
    ]


def test_plain_lines_where_there_is_no_terminal(capsys):
    show()
    err = capsys.readouterr().err
    assert err.splitlines()[-1] == (
        "epoch 3/3  1234 s  500k tok/s  loss 0.4000  acc 0.8000  val loss 0.3000  val acc 0.9000"
    )
    assert "\x1b" not in err
    assert "left" not in err


def test_time_left_is_that_of_all_epochs():
    recipe = load("fast").with_settings(["training.epochs=3"])
    screen = ProgressDisplay()
    screen(begins(recipe))
    screen(TrainingBegins(0))
    screen(EpochBegins(1, 1000, 0))
    screen(Step(1, 0.5, 0.5, 1e-3, 20_000, 40.0, 0.5, 0.5))
    # For 2,999 steps of 40 ms.
    assert screen.progress.tasks[0].fields["figures"].endswith("left 2:00")


def test_the_whole_recipe_is_shown_and_its_changes_marked(tidegate, reviews, tmp_path):
    settings = [
        "network.hidden_size=5",
        "training.learning_rate=0.01",
        "network.bidirectional=false",
    ]
    options = [part for setting in settings for part in ("--set", setting)]
    outcome = tidegate(
        *("train", "imdb", "--data", reviews, "--out", tmp_path / "run", "--recipe", "fast"),
        *("--epochs", 7, "--threads", 1, *options),
    )
    assert outcome.code == 0, outcome.err
    text = " ".join(outcome.err.split())
    own = load("fast").values()
    changed = [setting.partition("=")[0] for setting in settings] + ["training.epochs"]
    for key, value in own.items():
        if key in changed:
            continue
        if key.startswith(("series.", "forecast.")) or key == "linear_model.pooled":
            assert f" {key}=" not in text, "these mean nothing to texts"
            continue
        typed = str(value).lower() if isinstance(value, bool) else value
        typed = f"{typed:g}" if isinstance(typed, float) else typed
        assert f" {key}={typed} " in text
    for setting in [*settings, "training.epochs=7"]:
        assert f" {setting}* " in text
    assert text.count("* ") == 4
    assert f"recipe fast, with network.hidden_size 5 (not {own['network.hidden_size']}), " in text
