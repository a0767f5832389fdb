"""Every kind of task from its source to report, model and answers, through the command line."""

import json
from collections import Counter

import numpy as np
import pytest

import tidegate as tidegate_package
from report_samples import Page
from tidegate.data import sources
from tidegate.data.sources import registry
from tidegate.evaluation.metrics import measure
from tidegate.runs import results as results_file
from tidegate.storage import arrays
from tidegate.task import Task

WORDS = {"sport": "ball goal", "weather": "rain wind", "politics": "vote law"}
TOPICS = (*WORDS,)
TASKS = {
    "multi-class": Task("multi-class", TOPICS),
    "multi-label": Task("multi-label", TOPICS),
    "regression": Task("regression", ("words",)),
}
SMALL = ["--recipe", "fast", "--epochs", 1, "--threads", 1, "--set", "hidden_size=4"]
SMALL += ["--set", "embedding_dim=4", "--set", "batch_size=8"]
LINEAR = ["--set", "linear_model.order=1", "--set", "linear_model.min_count=1"]


class Columns:
    """Sixty headlines a part, each with an answer of every kind."""

    origin = "a drawer"

    def rows(self, part):
        for number in range(60):
            topic = TOPICS[number * number % 7 % 3]
            labels = [TOPICS[number % 3]] * (number % 4 > 0) + [TOPICS[(number + 1) % 3]]
            words = WORDS[topic] + " " + " ".join(WORDS[label] for label in labels)
            yield {
                "text": [f"{part} {words} {'word ' * (number % 5)}"],
                "multi-class": [topic],
                "multi-label": [labels],
                "regression": [float(number % 5)],
            }


@pytest.fixture(params=TASKS)
def source(request, monkeypatch):
    """A data set of each kind of task, registered until the test ends."""
    monkeypatch.setattr(registry, "_sources", {**registry._sources})
    found = sources.Source(
        name="drawer",
        summary="Headlines out of a drawer.",
        task=TASKS[request.param],
        place=lambda path: Columns(),
        label_column=request.param,
    )
    sources.register(found)
    return found


@pytest.fixture
def compared(source, tidegate, tmp_path):
    """A finished comparison, and what was printed."""
    run = tmp_path / "run"
    outcome = tidegate("compare", "drawer", *SMALL, *LINEAR, "--cells", "rnn,gru", "--out", run)
    assert outcome.code == 0, outcome.err
    return source.task, run, outcome


def test_a_comparison_of_any_task(compared, tidegate):
    task, run, outcome = compared
    check_results(task, run)
    check_words(task, run, outcome)
    check_report(task, run)
    check_models(task, run, tidegate)


def check_results(task, run):
    """The file says what the arrays beside it say."""
    results = results_file.load(run)
    assert results.task == task
    kinds = Counter(model.kind for model in results.models)
    has_linear = task.kind == "multi-class"
    assert kinds == {"recurrent": 2, "majority": 1} | (
        {"linear": 1, "blend": 2} if has_linear else {}
    )
    assert [model.name for model in results.models if model.kind == "recurrent"] == [
        "rnn-seed0",
        "gru-seed0",
    ]
    assert results.num_targets == len(results.targets) == 60
    for model in results.models:
        found = results.predictions[model.name]
        assert found.shape == (60, len(task.classes))
        # Logits again, up to what a softmax does not tell; numbers are themselves.
        odds = np.log(found / (1 - found)) if task.kind == "multi-label" else found
        outputs = np.log(found) if task.kind == "multi-class" else odds
        assert model.metrics == pytest.approx(measure(task, outputs, results.targets), abs=1e-9)
    majority = results.majority
    train = [*Columns().rows("train")][:57]
    answers = [rows[task.kind][0] for rows in train]
    if task.kind == "multi-class":
        assert majority.answer == Counter(answers).most_common(1)[0][0]
    elif task.kind == "multi-label":
        held = Counter(label for labels in answers for label in labels)
        assert majority.answer == [name for name in task.classes if held[name] > 57 / 2]
    else:
        assert majority.answer == pytest.approx(np.mean(answers))
        assert (results.predictions["majority"] == majority.answer).all()
    content = json.loads((run / "results.json").read_text())
    assert content["task"] == task.to_json()
    assert "targets" not in content
    kept = np.load(run / "predictions.npz", allow_pickle=False)
    assert {*kept} == {"targets", *(model.name for model in results.models)}


def check_words(task, run, outcome):
    """The main metric on the screen, in the log and in the card."""
    main = task.main_metric
    assert f"  val {main.short} " in outcome.err
    assert f"test {main.text} " in outcome.err
    for metric in task.metrics:
        assert metric.text.split()[0] in outcome.out
    assert "same answer to everything" in outcome.out
    notice = "linear model: left out, for it answers with one class a text, and drawer is a task"
    assert (notice in outcome.err) == (task.kind != "multi-class")
    lines = (run / "training" / "gru-seed0" / "history.jsonl").read_text().splitlines()
    assert {main.name, f"validation_{main.name}"} <= {*json.loads(lines[-1])}
    card = (run / "models" / "gru-seed0" / "README.md").read_text(encoding="utf-8")
    (job,) = (job for job in results_file.load(run).jobs if job.cell == "gru")
    for metric in task.metrics:
        if metric.name in job.metrics:
            assert f"| {metric.text} | {job.metrics[metric.name]:.4f} |" in card
    assert ("predict_proba" in card) == task.is_classification


def check_report(task, run):
    """All metrics of all models, and of one class an example what is taken for what."""
    results = results_file.load(run)
    page = Page((run / "report.html").read_text(encoding="utf-8"))
    header, *rows = page.tables["All metrics of each model"]
    measured = {name for model in results.models for name in model.metrics}
    shown = [metric.text for metric in task.metrics if metric.name in measured]
    assert header == ["Model", *(text[:1].upper() + text[1:] for text in shown)]
    names = ["simple RNN (tanh)", "GRU (reset after)", "same answer to everything"]
    assert [row[0] for row in rows if "linear" not in row[0]] == names
    matrices = [name for name in page.tables if name.startswith("Confusion matrix of ")]
    # The networks, and of a multi-class task both with the linear model and that alone.
    num_models = 5 if task.kind == "multi-class" else 2
    assert len(matrices) == (num_models if task.is_classification else 0)
    assert [row[0].split() for row in rows][-1][:2] == ["same", "answer"]
    if task.kind == "multi-class":
        _, *counts = page.tables["Confusion matrix of GRU (reset after)"]
        assert [row[0] for row in counts] == [*task.classes]
        found = np.array([[int(cell) for cell in row[1:]] for row in counts])
        np.testing.assert_array_equal(found.sum(1), np.bincount(results.targets))
        (job,) = (job for job in results.jobs if job.cell == "gru")
        assert np.trace(found) / 60 == pytest.approx(job.metrics["accuracy"])
    assert page.charts == 3 + num_models
    assert f"Test {task.main_metric.text}" in [text for _, text in page.headings]


def check_models(task, run, tidegate):
    """The saved model, its verbs, and the results agree."""
    results = results_file.load(run)
    folder = run / "models" / "gru-seed0"
    model = tidegate_package.load(folder)
    assert model.task == task
    texts = [rows["text"][0] for rows in Columns().rows("test")]
    kept = results.predictions["gru-seed0"]
    np.testing.assert_allclose(
        task.predictions(model.outputs(texts, part="network")), kept, atol=1e-5
    )
    evaluated = tidegate("evaluate", folder, "drawer", "--json")
    assert evaluated.code == 0, evaluated.err
    content = json.loads(evaluated.out)
    assert content["num_examples"] == 60
    metrics = {part: found["metrics"] for part, found in content["parts"].items()}
    part = "network" if task.kind == "multi-class" else "all"
    (job,) = (job for job in results.jobs if job.cell == "gru")
    assert metrics[part] == pytest.approx(job.metrics, abs=1e-4)
    if task.kind == "multi-class":
        blend = results.blend_of(job)
        assert metrics["all"] == pytest.approx(blend.metrics, abs=1e-4)
    predicted = tidegate("predict", folder, "--text", texts[0], "--text", texts[1], "--json")
    assert predicted.code == 0, predicted.err
    answers = [json.loads(line)["answer"] for line in predicted.out.splitlines()]
    assert answers == task.named(task.decide(model.outputs(texts[:2])))


def test_a_resumed_comparison_ends_as_an_unbroken_one(source, tidegate, tmp_path, monkeypatch):
    from tidegate.runs import run as runs

    whole = runs.run_job

    def stops(job, *arguments, **options):
        if job.cell == "gru":
            raise KeyboardInterrupt
        return whole(job, *arguments, **options)

    begin = ("compare", "drawer", *SMALL, *LINEAR, "--cells", "rnn,gru", "--out")
    monkeypatch.setattr(runs, "run_job", stops)
    assert tidegate(*begin, tmp_path / "run").code == 130
    monkeypatch.setattr(runs, "run_job", whole)
    outcome = tidegate("compare", "--resume", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    assert tidegate(*begin, tmp_path / "unbroken").code == 0
    found, wanted = (
        (results_file.load(tmp_path / name), (tmp_path / name / "predictions.npz").read_bytes())
        for name in ("run", "unbroken")
    )
    assert found[1] == wanted[1]
    assert [model.name for model in found[0].models] == [model.name for model in wanted[0].models]
    for model, other in zip(found[0].models, wanted[0].models, strict=True):
        assert model.metrics == other.metrics


def test_a_second_network_learns_from_answers_of_any_task(source, tidegate, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("ball goal rain\nvote law\nwind word word\n")
    outcome = tidegate(
        *(
            "train",
            "drawer",
            *SMALL,
            *LINEAR,
            "--set",
            "self_training.epochs=2",
            "--set",
            "self_training.copies=1",
        ),
        *("--unlabelled", texts, "--out", tmp_path / "run"),
    )
    assert outcome.code == 0, outcome.err
    (job,) = results_file.load(tmp_path / "run").jobs
    assert [len(job.teacher), len(job.history)] == [1, 2]
    assert {epoch.metric for epoch in job.history} == {source.task.main_metric.name}
    assert "60 texts, 3 of them without labels, as the first one" in outcome.err


def test_two_of_several_classes_have_two_logits(tidegate, tmp_path, monkeypatch):
    """The linear model has as many logits as the networks beside it."""
    monkeypatch.setattr(registry, "_sources", {**registry._sources})
    task = Task("multi-class", ("sport", "other"))

    class Two(Columns):
        def rows(self, part):
            for rows in super().rows(part):
                yield {**rows, "two": [rows["multi-class"][0].replace("weather", "other")]}

    class Kept(Two):
        def rows(self, part):
            return (rows for rows in super().rows(part) if rows["two"][0] in task.classes)

    sources.register(sources.Source("two", "Two.", task, lambda path: Kept(), label_column="two"))
    outcome = tidegate("train", "two", *SMALL, *LINEAR, "--out", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    model = tidegate_package.load(tmp_path / "run" / "models" / "gru-seed0")
    assert model.outputs(["ball goal"], part="linear").shape == (1, 2)
    assert model.predict(["ball goal goal"], part="linear").tolist() == ["sport"]


def test_a_class_without_training_texts_is_refused_beside_a_linear_model(
    tidegate, tmp_path, monkeypatch
):
    monkeypatch.setattr(registry, "_sources", {**registry._sources})
    task = Task("multi-class", (*TOPICS, "chess"))
    sources.register(
        sources.Source("more", "M.", task, lambda path: Columns(), label_column="multi-class")
    )
    outcome = tidegate("train", "more", *SMALL, *LINEAR, "--out", tmp_path / "run")
    assert outcome.code == 1
    assert "more: expected training texts of every class for the linear model" in outcome.err
    assert "got none of chess in 57; take more texts, or leave it out by linear_model.order=0" in (
        outcome.err
    )
    alone = tidegate("train", "more", *SMALL, "--out", tmp_path / "run")
    assert alone.code == 0, alone.err
    (job,) = results_file.load(tmp_path / "run").jobs
    assert "roc_auc" not in job.metrics


def test_arrays_come_back_and_are_what_numpy_reads(tmp_path):
    kept = {"a": np.arange(6).reshape(3, 2), "b+c": np.array([0.5]), "empty": np.empty((0, 2))}
    content = arrays.to_bytes(kept)
    assert content == arrays.to_bytes(kept)
    (tmp_path / "x.npz").write_bytes(content)
    by_numpy = np.load(tmp_path / "x.npz", allow_pickle=False)
    for found in (arrays.from_bytes(content, "here"), by_numpy):
        assert {*found} == {*kept}
        for name, array in kept.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)
