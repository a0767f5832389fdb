"""Series, recordings and forecasts through the command line, end to end."""

import csv
import hashlib
import json
import shutil

import numpy as np
import pytest

from spoken_words import speak
from tidegate.data.audio.recording import read_recording

FEW = ("--threads", 1, "--epochs", 3, "--set", "hidden_size=8")


@pytest.fixture
def sensors(tmp_path):
    """Forty series of two channels in the long format; the class is the trend of the second."""
    draws = np.random.default_rng(0)
    path = tmp_path / "sensors.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["machine", "t", "ax", "ay", "state"])
        for number in range(40):
            up = number % 2
            for step in range(int(draws.integers(8, 14))):
                trend = (2 * up - 1) * step + draws.normal() / 4
                rows.writerow(
                    [f"m{number}", step * 0.5, f"{draws.normal():.4f}", f"{trend:.4f}", up]
                )
    return path


LONG = ("--series-id", "machine", "--time", "t", "--values", "ax,ay", "--label", "state")


def sum_of(run):
    (model,) = (run / "models").glob("*/model.safetensors")
    return hashlib.sha256(model.read_bytes()).hexdigest()


def test_series_from_a_file_to_predictions(tidegate, sensors, tmp_path):
    run = tmp_path / "run"
    outcome = tidegate("train", sensors, *LONG, *FEW, "--out", run)
    assert outcome.code == 0, outcome.err
    for text in (
        "series by machine; time in t; values in ax, ay; answers in state",
        "linear model: logistic regression on pooled statistics",
        "channels  2; the network reads 4 numbers a step",
    ):
        assert " ".join(text.split()) in " ".join(outcome.err.split()), text
    model = run / "models" / "gru-seed0"
    outcome = tidegate("predict", model, sensors, "--out", tmp_path / "answers.csv")
    assert outcome.code == 0, outcome.err
    with (tmp_path / "answers.csv").open(newline="") as file:
        answers = [*csv.DictReader(file)]
    assert [row["machine"] for row in answers] == [f"m{number}" for number in range(40)]
    right = [row["prediction"] == str(number % 2) for number, row in enumerate(answers)]
    assert np.mean(right) > 0.9
    outcome = tidegate("evaluate", model, sensors, "--json")
    assert outcome.code == 0, outcome.err
    metrics = json.loads(outcome.out)["parts"]["all"]["metrics"]
    assert metrics["accuracy"] == pytest.approx(np.mean(right))
    outcome = tidegate("inspect", model)
    assert "series of 2 channels (ax, ay)" in outcome.out


def test_a_resumed_run_on_series_has_the_same_bits(tidegate, sensors, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert tidegate("train", sensors, *LONG, *FEW, "--out", whole).code == 0
    assert tidegate("train", sensors, *LONG, *FEW, "--out", parts).code == 0
    expected = sum_of(whole)
    # As after a stop between the last checkpoint and the result.
    (parts / "results.json").unlink()
    for file in (parts / "models").glob("gru-seed0*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    outcome = tidegate("train", "--resume", parts)
    assert outcome.code == 0, outcome.err
    assert sum_of(parts) == expected


@pytest.fixture
def days(tmp_path):
    """Sixty days of hours, with a daily wave."""
    path, draws = tmp_path / "days.csv", np.random.default_rng(0)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["date", "load"])
        for hour in range(24 * 30):
            value = 50 + 10 * np.sin(hour / 24 * 2 * np.pi) + draws.normal()
            rows.writerow([np.datetime64("2024-01-01T00") + np.timedelta64(hour, "h"), value])
    return path


def test_a_forecast_of_a_file(tidegate, days, tmp_path):
    run = tmp_path / "run"
    options = ("--time", "date", "--values", "load", "--horizon", 12, "--origins", 4)
    outcome = tidegate("forecast", days, *options, *FEW, "--out", run)
    assert outcome.code == 0, outcome.err
    assert "season: 24 steps, found by autocorrelation" in outcome.err
    for name in ("seasonal naive", "exponential smoothing"):
        assert name in outcome.out
    with (run / "forecast.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [row["step"] for row in rows] == [str(step) for step in range(1, 13)]
    assert rows[0]["date"] == "2024-01-31 00:00:00"
    for row in rows:
        assert float(row["load_0.1"]) <= float(row["load"]) <= float(row["load_0.9"])
    wave = [50 + 10 * np.sin(hour / 24 * 2 * np.pi) for hour in range(12)]
    assert np.abs(np.array([float(row["load"]) for row in rows]) - wave).mean() < 3
    model = run / "models" / "gru-seed0"
    later = tidegate("predict", model, days, "--out", tmp_path / "next.csv")
    assert later.code == 0, later.err
    with (tmp_path / "next.csv").open(newline="") as file:
        again = [*csv.DictReader(file)]
    assert [row["load"] for row in again] == [row["load"] for row in rows]
    results = json.loads((run / "results.json").read_text())
    (job,) = (one for one in results["models"] if one["kind"] == "recurrent")
    outcome = tidegate("evaluate", model, days, "--origins", 4, "--json")
    assert outcome.code == 0, outcome.err
    metrics = json.loads(outcome.out)["parts"]["all"]["metrics"]
    assert metrics["mase"] == pytest.approx(job["metrics"]["mase"], rel=1e-5)
    assert "Forecasts against what came" in (run / "report.html").read_text()


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_spoken_words_from_recordings_to_predictions(tidegate, tmp_path):
    """Synthetic speech of espeak-ng: recorded, learnt, recognised."""
    table = speak(tmp_path)
    run = tmp_path / "run"
    few = ("--threads", 1, "--epochs", 6, "--set", "hidden_size=16")
    outcome = tidegate("train", table, "--audio", "path", "--label", "word", *few, "--out", run)
    assert outcome.code == 0, outcome.err
    assert "were resampled to 16,000 Hz" in outcome.err
    model = run / "models" / "gru-seed0"
    with table.open(newline="") as file:
        rows = [*csv.DictReader(file)]
    outcome = tidegate("predict", model, table, "--json")
    assert outcome.code == 0, outcome.err
    answers = [json.loads(line) for line in outcome.out.splitlines()]
    right = [row["word"] == answer["prediction"] for row, answer in zip(rows, answers, strict=True)]
    assert np.mean(right) > 0.9
    assert [answer["recording"] for answer in answers] == [row["path"] for row in rows]
    # One recording alone, and half of it, which no header fits.
    first = table.parent / rows[0]["path"]
    assert read_recording(first, 16_000).samples.size > 0
    outcome = tidegate("predict", model, first)
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines()[1].split(",")[1] == answers[0]["prediction"]
    half = tmp_path / "half.wav"
    half.write_bytes(first.read_bytes()[: first.stat().st_size // 2])
    outcome = tidegate("predict", model, half)
    assert outcome.code == 1
    assert "half.wav" in outcome.err
    assert "Traceback" not in outcome.err


MISTAKES = {
    "a column that is not there": (
        ("--series-id", "machin", "--values", "ax", "--label", "state"),
        2,
        "--series-id",
    ),
    "texts and series": (("--text", "state", "--time", "t"), 2, "expected"),
    "a horizon and labels": (("--horizon", 2, "--label", "state"), 2, "--label"),
    "a season without a horizon": (("--season", 2), 2, "--season"),
    "a recipe for texts": ((*LONG, "--recipe", "fast"), 2, "--recipe"),
    "a label that changes": (
        ("--series-id", "machine", "--values", "ay", "--label", "ax"),
        1,
        "sensors.csv:3: expected one value of ax in a series",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named(name, tidegate, sensors, tmp_path):
    options, code, text = MISTAKES[name]
    outcome = tidegate("train", sensors, *options, "--out", tmp_path / "run")
    assert (outcome.code, "Traceback" in outcome.err) == (code, False), outcome.err
    assert text in outcome.err
    assert not (tmp_path / "run").exists()


def test_times_out_of_order_are_named(tidegate, days, tmp_path):
    lines = days.read_text().splitlines()
    lines[5], lines[6] = lines[6], lines[5]
    days.write_text("\n".join(lines) + "\n")
    outcome = tidegate("forecast", days, "--time", "date", "--horizon", 2, "--out", tmp_path / "r")
    assert outcome.code == 1
    assert "days.csv:7" in outcome.err
