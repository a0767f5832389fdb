"""From a file of the user's to a model, figures and predictions, by the verbs."""

import csv
import json
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from conftest import BAD, GOOD
from model_samples import make_folder
from tidegate.application.run import Run
from tidegate.data.tables import open_table
from tidegate.inference import model_folder

SMALL = ["--recipe", "fast", "--set", "embedding_dim=4", "--set", "hidden_size=4"]


def write(path, rows, header=("review", "mood")):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def reviews(count):
    moods = ("bad", "good")
    return [(f"{(BAD, GOOD)[n % 2]} number {n}", moods[n % 2]) for n in range(count)]


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "reviews.csv", reviews(60))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model folder of two classes, pos and neg, with weights drawn at random."""
    path = tmp_path_factory.mktemp("model") / "model"
    make_folder()[0].save(path)
    return path


def test_train_evaluate_and_predict_from_a_file(tidegate, file, tmp_path):
    out = tmp_path / "run"
    trained = tidegate("train", file, "--text", "review", "--label", "mood", *SMALL, "--out", out)
    assert trained.code == 0, trained.err
    assert "texts in review, answers in mood" in trained.err
    assert "binary: bad 24, good 24" in trained.err
    assert "12 of 60 rows are held out for the test" in " ".join(trained.err.split())
    run = Run(out)
    assert run.results.task.classes == ("bad", "good")
    folder = model_folder.load(run.model)
    assert (folder.columns.text, folder.columns.label) == ("review", "mood")

    test = write(tmp_path / "test.csv", reviews(10))
    measured = tidegate("evaluate", run.model, test, "--json")
    assert measured.code == 0, measured.err
    assert json.loads(measured.out)["num_examples"] == 10

    new = write(tmp_path / "new.csv", [(1, GOOD), (2, BAD)], header=("id", "review"))
    answered = tidegate("predict", run.model, new, "--out", tmp_path / "answers.csv")
    assert answered.code == 0, answered.err
    assert "2 rows answered" in answered.err
    rows = [row.values for row in open_table(tmp_path / "answers.csv").rows()]
    assert [row["id"] for row in rows] == ["1", "2"]
    assert {row["prediction"] for row in rows} <= {"bad", "good"}

    resumed = tidegate("train", "--resume", out)
    assert (resumed.code, "complete already" in resumed.err) == (0, True)


def test_a_changed_file_is_no_longer_the_run_that_began(tidegate, file, tmp_path, monkeypatch):
    from tidegate.training.trainer import Trainer

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run", stop)
        assert tidegate("train", file, *SMALL, "--out", tmp_path / "run").code == 130
    file.unlink()
    gone = tidegate("train", "--resume", tmp_path / "run")
    assert gone.code == 1
    assert "reviews.csv: expected a file, got nothing there" in gone.err


def test_compare_reads_files_too(tidegate, file, tmp_path):
    compared = tidegate(
        "compare", file, *SMALL, "--cells", "rnn,gru", "--epochs", 1, "--out", tmp_path / "run"
    )
    assert compared.code == 0, compared.err
    assert {job.cell for job in Run(tmp_path / "run").results.jobs} == {"rnn", "gru"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere.csv"], 1, "nowhere.csv: expected a file, got nothing there"),
        (["imbd"], 2, "did you mean imdb?; or give a file, such as imbd.csv"),
        (["FILE", "--text", "revue"], 2, "--text: expected a column of"),
        (["FILE", "--label", "x"], 2, "--label: expected a column of"),
        (["FILE", "--target", "mood"], 1, "reviews.csv:2: expected a number in mood, got 'bad'"),
        (["FILE", "--data", "x"], 2, "--data: expected it beside a data set of tidegate's"),
        (["imdb", "--label", "x"], 2, "--label: expected it beside files of your own"),
        (["FILE", "FILE2", "--test-share", "2"], 2, "is not in the range"),
        (["FILE", "--delimiter", ";;"], 1, "delimiter: expected one character"),
    ],
)
def test_mistakes_are_told_without_a_run(tidegate, file, tmp_path, arguments, code, message):
    given = [file if argument == "FILE" else argument for argument in arguments]
    outcome = tidegate("train", *given, *SMALL, "--out", tmp_path / "run")
    assert (outcome.code, outcome.out) == (code, "")
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "run").exists()


def test_an_unknown_class_at_evaluation(tidegate, model, tmp_path):
    path = write(tmp_path / "a.csv", [("good", "pos"), ("bad", "awful")], ("text", "label"))
    outcome = tidegate("evaluate", model, path)
    assert outcome.code == 1
    assert "a.csv:3: expected a class of neg, pos in label, got 'awful'" in outcome.err


def test_predict_writes_to_standard_output_what_it_reads(tidegate, model, tmp_path):
    path = write(tmp_path / "a.csv", [("a good film",), ("bad",)], ("text",))
    outcome = tidegate("predict", model, path)
    assert outcome.code == 0, outcome.err
    header, *rows = csv.reader(outcome.out.splitlines())
    assert header == ["text", "prediction", "probability"]
    assert [row[0] for row in rows] == ["a good film", "bad"]
    outcome = tidegate("predict", model, path, "--json")
    assert [json.loads(line)["text"] for line in outcome.out.splitlines()] == [
        row[0] for row in rows
    ]


def test_predict_does_not_write_over_a_file(tidegate, model, tmp_path):
    path = write(tmp_path / "a.csv", [("a good film",)], ("text",))
    out = tmp_path / "b.csv"
    out.write_text("mine")
    outcome = tidegate("predict", model, path, "--out", out)
    assert (outcome.code, out.read_text()) == (1, "mine")
    assert "--overwrite" in outcome.err
    assert tidegate("predict", model, path, "--out", out, "--overwrite").code == 0
    assert out.read_text().startswith("text,prediction,probability\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["FILE", "--text", "x"], "expected texts by --text or in a file, got both"),
        (["FILE", "--top-k", 3], "--top-k: expected 1 to 2, the number of classes"),
        (["FILE", "--text-column", "x"], "--text-column: expected a column of"),
        (["FILE", "--out", "x.txt"], "--out: expected .csv"),
        (["--text", "x", "--out", "x.csv"], "--out: expected it beside a FILE"),
    ],
)
def test_predict_misused(tidegate, model, tmp_path, arguments, message):
    path = write(tmp_path / "a.csv", [("a good film",)], ("text",))
    given = [path if argument == "FILE" else argument for argument in arguments]
    outcome = tidegate("predict", model, *given)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err


def test_bad_rows_fail_only_where_it_is_asked(tidegate, model, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text\na good film\n\xff\n")
    outcome = tidegate("predict", model, path)
    assert outcome.code == 0
    assert "a.csv:3: expected UTF-8, got other bytes in '\\xff'" in outcome.err
    assert "1 without an answer" in outcome.err
    strict = tidegate("predict", model, path, "--strict", "--out", tmp_path / "b.csv")
    assert strict.code == 1
    assert not (tmp_path / "b.csv").exists()


def test_a_data_set_becomes_a_file(tidegate, tmp_path):
    path = tmp_path / "reviews.csv"
    written = tidegate("data", "write", "rotten-tomatoes", path, "--part", "test")
    assert written.code == 0, written.err
    assert "1,706 rows with the columns text, label" in written.err
    rows = [row.values for row in open_table(path).rows()]
    assert (len(rows), {row["label"] for row in rows}) == (1706, {"neg", "pos"})
    assert tidegate("data", "write", "rotten-tomatoes", path).code == 1
    assert tidegate("data", "write", "rotten-tomatoes", tmp_path / "x.txt").code == 2


def test_ctrl_c_leaves_no_half_file(model, tmp_path):
    out = tmp_path / "answers.csv"
    command = [sys.executable, "-m", "tidegate", "predict", str(model), "-", "--format", "csv"]
    process = subprocess.Popen(
        [*command, "--out", str(out)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore it, and so do their children.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    process.stdin.write("text\n" + "a good film\n" * 5_000)
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while not [*tmp_path.iterdir()]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # Again, for a signal that comes while packages are imported may be lost in them.
    while process.poll() is None:
        assert time.monotonic() < deadline
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert [*tmp_path.iterdir()] == []
