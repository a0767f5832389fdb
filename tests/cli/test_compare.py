"""The main job from the command line, on a few small reviews: what it says, writes, refuses."""

import json
import re
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch

import tidegate
from resume_samples import settings
from tidegate.application.arguments import MOST_THREADS
from tidegate.cells import CELLS
from tidegate.data import sources
from tidegate.data.sources import acl_imdb
from tidegate.engine import active_isa
from tidegate.errors import FormatError, ThreadsError
from tidegate.inference import model_folder
from tidegate.runs import results as results_file

VALUES = {
    "hidden_size": 6,
    "embedding_dim": 5,
    "vocabulary_size": 20,
    "max_length": 12,
    "batch_size": 8,
}
SMALL = ["--epochs", 2, "--threads", 1, *settings(VALUES)]
ALL_CELLS = ",".join(CELLS)


@pytest.fixture
def compare(tidegate, reviews):
    def run(out, *options):
        return tidegate("compare", "imdb", "--data", reviews, "--out", out, *SMALL, *options)

    return run


@pytest.fixture
def finished(compare, tmp_path):
    """A run folder with all four cells, and what was printed."""
    outcome = compare(tmp_path / "run", "--cells", ALL_CELLS, "--seeds", 2)
    assert outcome.code == 0, outcome.err
    return tmp_path / "run", outcome


def test_results_hold_everything_a_later_question_needs(finished):
    run, _ = finished
    results = results_file.load(run)
    assert results.status == "complete"
    assert [(job.seed, job.cell) for job in results.jobs] == [(s, c) for s in (0, 1) for c in CELLS]
    assert results.configuration["network.hidden_size"] == 6
    assert results.configuration["training.epochs"] == 2
    assert results.configuration["training.epsilon"] == 1e-7
    assert results.environment["torch"] == torch.__version__
    assert results.environment["threads"] == 1
    assert results.data["num_train"] == 32
    for job in results.jobs:
        assert job.path == f"tidegate.nn, engine ({active_isa()})"
        assert [epoch.epoch for epoch in job.history] == [1, 2]
        assert job.training_s == pytest.approx(sum(epoch.training_s for epoch in job.history))
        assert job.num_parameters == sum(line.num_parameters for line in job.summary)
        chances, targets = results.predictions[job.name], results.targets
        assert chances.shape == (40, 2)
        assert targets.shape == (40,)
        assert job.metrics["accuracy"] == np.mean(chances.argmax(1) == targets)
        picked = chances[np.arange(40), targets]
        assert job.metrics["loss"] == pytest.approx(-np.log(picked).mean(), rel=1e-6)


def test_a_saved_model_repeats_its_test_predictions(finished, reviews):
    run, _ = finished
    results = results_file.load(run)
    test = acl_imdb.load(reviews).test
    for job in results.jobs:
        # By the card's own code, from a path as a person has it.
        names = {"path": str(run / job.model)}
        model = tidegate.load(names["path"])
        exec("\n".join(re.findall("^    (.*)$", model.folder.card, re.MULTILINE)), names)
        assert names["model"].predict(["a good film"]).tolist() == (
            model.predict(["a good film"]).tolist()
        )
        assert model.classes == ("neg", "pos")
        found = model.predict_proba(test.texts)
        np.testing.assert_allclose(found, results.predictions[job.name], atol=1e-6)
        assert (
            np.mean(model.predict(test.texts) == np.array(["neg", "pos"])[test.labels])
            == (job.metrics["accuracy"])
        )
        assert f"{job.metrics['accuracy']:.4f}" in model.folder.card


def test_the_screen_says_what_happens(finished):
    run, outcome = finished
    for text in (
        "texts in the official archive's layout at",
        "40 for training (32 train, the last 8 validate), 40 for the test",
        "vocabulary of 20",
        "to their last 12 tokens",
        "GRU (reset before), seed 1 (8 of 8)",
        "embedding (Embedding)",
        f"recurrence computed by tidegate.nn, engine ({active_isa()})",
        "(batch, 12, 5)",
        "epoch 2/2",
        "val acc",
    ):
        assert text in outcome.err, text
    # The outcome goes to stdout: the table beside the notebook's figures, and the report.
    for text in ("mean of 2 seeds", "0.8608", "0.8518", "0.7497", *CELLS.values()):
        assert text in outcome.out, text
    assert outcome.out.rstrip().endswith(f"Report: {run / 'report.html'}")
    assert "<svg" in (run / "report.html").read_text(encoding="utf-8")


def test_the_same_command_gives_the_same_bits(finished, compare, tmp_path):
    run, _ = finished
    compare(tmp_path / "again", "--cells", ALL_CELLS, "--seeds", 2)
    one, two = (results_file.load(folder) for folder in (run, tmp_path / "again"))
    for job, again in zip(one.jobs, two.jobs, strict=True):
        assert job.metrics == again.metrics
        np.testing.assert_array_equal(one.predictions[job.name], two.predictions[job.name])
        for epoch, epoch_again in zip(job.history, again.history, strict=True):
            assert epoch.loss == epoch_again.loss
            assert epoch.validation_loss == epoch_again.validation_loss
        weights = [
            (f / job.model / "model.safetensors").read_bytes() for f in (run, tmp_path / "again")
        ]
        assert weights[0] == weights[1]
    assert one.jobs[0].metrics != one.jobs[len(CELLS)].metrics  # another seed gives others


def test_a_cell_is_the_same_whatever_else_is_compared(finished, compare, tmp_path):
    run, _ = finished
    compare(tmp_path / "alone", "--cells", "gru", "--seed", 1)
    (alone,) = results_file.load(tmp_path / "alone").jobs
    (among,) = (j for j in results_file.load(run).jobs if (j.cell, j.seed) == ("gru", 1))
    assert alone.metrics == among.metrics


def test_ctrl_c_keeps_what_is_finished(reviews, tmp_path):
    """A real process gets a real signal while a training runs."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "tidegate.cli.main", "compare", "imdb", "--data", reviews]
    command += ["--out", out, "--cells", "rnn,lstm", *SMALL, "--seeds", 200]
    process = subprocess.Popen(
        [*map(str, command)],
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore it, and so do their children.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 120
        while not (out / "models" / "rnn-seed2").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Stopped by Ctrl-C" in err
    assert "Traceback" not in err
    results = results_file.load(out)
    assert results.status == "interrupted"
    assert len(results.jobs) >= 4
    for job in results.jobs:
        assert model_folder.load(out / job.model).architecture.cell == job.cell
    report = (out / "report.html").read_text(encoding="utf-8")
    assert f"was interrupted: {len(results.jobs)} of 400 jobs finished" in report


def refused(outcome, code, *texts):
    assert outcome.code == code, outcome
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    for text in texts:
        assert text in outcome.err, outcome.err


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (["--limit", 0], ["--limit", "0 is not in the range x>=1"]),
        (["--limit", "many"], ["--limit", "'many' is not a valid integer"]),
        (["--epochs", 0], ["--epochs", "x>=1"]),
        (["--checkpoint-every", -1], ["--checkpoint-every", "x>=0"]),
        (["--threads", 0], ["--threads", "1<=x<=1024"]),
        (["--threads", 10_000], ["--threads", "10000 is not in the range 1<=x<=1024"]),
        (
            ["--epochs", 1, "--set", "training.epochs=3"],
            ["--epochs 1 is short for --set training.epochs=1", "got --set training.epochs=3"],
        ),
        (["--seeds", 0], ["--seeds", "x>=1"]),
        (["--cells", "gru,lsmt"], ["got 'lsmt'; did you mean 'lstm'?", "gru-before"]),
        (["--cells", "gru,gru"], ["expected every name once"]),
        (["--cells", ""], ["expected cells of", "got ''"]),
        (["--recipe", "none"], ["--recipe", "one of notebook, fast, default, best, causal"]),
        (["--epoch", 3], ["No such option", "--epochs"]),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, list) else None,
)
def test_a_misused_option_is_named(tidegate, options, texts, tmp_path):
    refused(tidegate("compare", "imdb", "--out", tmp_path / "run", *options), 2, *texts)
    assert not (tmp_path / "run").exists()


def test_another_data_set_and_another_verb_are_refused(tidegate):
    refused(tidegate("compare", "mnist"), 2, f"of {', '.join(sources.names())}, got 'mnist'")
    refused(tidegate("compair"), 2, "got 'compair'; did you mean 'compare'?")


def test_too_few_training_texts(compare, tmp_path):
    refused(compare(tmp_path / "run", "--limit", 1), 1, "expected at least 2 training texts")
    assert not (tmp_path / "run").exists()


def test_the_most_threads_are_the_engines():
    from tidegate import engine

    before = engine.num_threads()
    engine.set_num_threads(MOST_THREADS)
    engine.set_num_threads(before)
    with pytest.raises(ThreadsError, match=f"from 1 to {MOST_THREADS}"):
        engine.set_num_threads(MOST_THREADS + 1)


def empty(reviews, pattern):
    """Take the words from some reviews."""
    for path in reviews.glob(pattern):
        path.write_text("  ... \n")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*/*/*.txt", "imdb: expected words in the training texts, got none in 32 texts"),
        ("test/*/*.txt", "imdb: expected words in the test texts, got none in 40 texts"),
    ],
)
def test_texts_without_a_word_are_refused(compare, reviews, tmp_path, pattern, text):
    empty(reviews, pattern)
    refused(compare(tmp_path / "run"), 1, text)
    assert not (tmp_path / "run").exists()


def test_empty_texts_among_others_are_counted(compare, reviews, tmp_path):
    outcome = compare(tmp_path / "one", "--cells", "rnn")
    assert "have no words" not in outcome.err
    empty(reviews, "train/pos/1*.txt")
    empty(reviews, "test/neg/0_7.txt")
    outcome = compare(tmp_path / "run", "--cells", "rnn")
    assert "11 training and 1 test texts have no words" in outcome.err
    facts = results_file.load(tmp_path / "run").data
    assert (facts["training_texts_empty"], facts["test_texts_empty"]) == (11, 1)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Training texts without tokens" in page


def test_texts_of_one_class_are_refused(compare, tmp_path):
    refused(
        compare(tmp_path / "run", "--recipe", "default", "--limit", 3),
        1,
        "imdb: expected training texts of two classes, got 2 of class pos alone; take more texts",
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("count", "code"), [(32, 0), (33, 1)])
def test_n_grams_that_no_text_can_have_are_refused(compare, reviews, tmp_path, count, code):
    values = {"linear_model.order": 1, "linear_model.min_count": count}
    found = compare(tmp_path / "run", "--cells", "rnn", *settings(values))
    assert found.code == code, found.err
    assert (tmp_path / "run").exists() == (code == 0)
    if code:
        text = (
            "expected words that at least linear_model.min_count=33 training texts have, got none"
        )
        assert text in found.err


def test_a_validation_share_that_leaves_nothing_is_named(compare, tmp_path):
    values = settings({"validation_share": 0.99})
    refused(
        compare(tmp_path / "run", *values),
        1,
        "got 0 of 40 to train on with training.validation_share=0.99; change it, or take more",
    )
    refused(
        compare(tmp_path / "run", *settings({"validation_share": 0})), 1, "of above 0 and below"
    )


def test_a_limit_above_the_data_is_said(compare, tmp_path):
    outcome = compare(tmp_path / "run", "--limit", 1000, "--cells", "rnn")
    assert "--limit 1,000: there are only 40 training examples" in outcome.err


def test_a_folder_with_another_run_is_left_alone(finished, compare):
    run, _ = finished
    before = (run / "results.json").read_bytes()
    refused(compare(run), 1, str(run), "holds another run", "choose another folder")
    assert (run / "results.json").read_bytes() == before


def test_a_folder_with_other_files_is_left_alone(compare, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    refused(compare(tmp_path / "run"), 1, "expected a new or empty folder", "thesis.txt")
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_a_folder_that_cannot_be_written(compare, tmp_path):
    (tmp_path / "file").write_text("")
    refused(compare(tmp_path / "file" / "run"), 1, "expected a folder that can be written")


def test_an_error_of_our_own_shows_its_traceback_only_on_demand(
    compare, tmp_path, monkeypatch, reviews
):
    monkeypatch.setattr(acl_imdb, "load", lambda path: 1 / 0)
    refused(
        compare(tmp_path / "run"), 1, "ZeroDivisionError: division by zero", "defect", "--debug"
    )
    from tidegate.cli.main import main

    with pytest.raises(ZeroDivisionError):
        main(["--debug", "compare", "imdb", "--data", str(reviews), "--out", str(tmp_path / "run")])


def test_damaged_results_are_named(finished):
    run, _ = finished
    content = json.loads((run / "results.json").read_text())
    for broken, message in (
        ("{", "expected JSON"),
        ("[]", "expected a JSON object, got a list"),
        (json.dumps({**content, "format": "x/2"}), "got 'x/2'"),
        (json.dumps({**content, "models": [{}]}), r"models\[0\]\.kind: expected one of recurrent"),
    ):
        (run / "results.json").write_text(broken)
        with pytest.raises(FormatError, match=message):
            results_file.load(run)
    (run / "results.json").unlink()
    with pytest.raises(FormatError, match="expected a run folder with results.json"):
        results_file.load(run)
