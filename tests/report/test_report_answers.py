"""The report's metrics with intervals, tables of classes, confusion matrices and regressions."""

import re
from dataclasses import replace

import numpy as np
import pytest

from report_samples import Page, make_results
from tidegate.evaluation import bootstrap
from tidegate.evaluation.metrics import measure_predictions
from tidegate.report import classes, page, pictures
from tidegate.report.subjects import subjects
from tidegate.report.summary import summarize
from tidegate.task import Task

pytestmark = pytest.mark.usefixtures("few_resamples")

DASH = "\N{EN DASH}"


def with_task(results, task, targets, predict):
    """Results of another task, with the metrics of drawn predictions."""
    results.task, results.targets = task, targets
    draws = np.random.default_rng(7)
    for model in [*results.models]:
        predictions = predict(draws)
        metrics = measure_predictions(task, predictions, targets)
        results.add(replace(model, metrics=metrics), predictions)
    return results


def several(count, *, num_test=400, missing=(), names=None, **options):
    """A run on a task of several classes."""
    draws = np.random.default_rng(3)
    present = [one for one in range(count) if one not in missing]
    targets = draws.choice(present, num_test)

    def predict(draws):
        scores = draws.normal(size=(num_test, count)) + 2 * np.eye(count)[targets]
        return np.exp(scores) / np.exp(scores).sum(1, keepdims=True)

    task = Task("multi-class", names or tuple(f"topic {one}" for one in range(count)))
    return with_task(make_results(num_test=num_test, **options), task, targets, predict)


def read(results):
    return Page(page.render(results))


def figures(cell):
    """A mean and its bounds, as the table has them."""
    return [float(number) for number in re.findall(r"-?\d+\.\d+", cell)]


def test_all_metrics_of_all_models():
    seen = read(make_results(("gru",), linear=0.87))
    header, *rows = seen.tables["All metrics of each model"]
    assert header == [
        *("Model", "Accuracy", "Balanced accuracy", "Macro F1", "ROC AUC", "Calibration error"),
        "Loss",
    ]
    assert [row[0] for row in rows] == [
        *("GRU (reset after)", "GRU (reset after) with the linear model", "linear model"),
        "same answer to everything",
    ]
    assert [cell.split(" %")[0] for cell in rows[0][1:6]] == [
        *("86.00", "73.50", "61.00", "92.25", "7.00"),
    ]
    assert rows[0][6].startswith("0.390 ")
    assert (
        "The same answer to everything, dull, reaches 50.00 % test accuracy; GRU (reset after) is "
        "better than that (p < 0.001)."
    ) in seen.text


def test_intervals_are_those_of_the_predictions():
    results = several(3, cells=("gru",))
    (job,) = results.jobs
    samples = bootstrap.resample(
        results.task, {"gru": results.predictions[job.name]}, results.targets, num_resamples=100
    )
    expected = bootstrap.intervals(job.metrics, samples["gru"])
    header, row, *_ = read(results).tables["All metrics of each model"]
    for metric, cell in zip(results.task.metrics, row[1:], strict=True):
        scale, digits = (100, 0.0051) if metric.is_share else (1, 0.00051)
        shown = figures(cell)
        wanted = [scale * job.metrics[metric.name], *(scale * end for end in expected[metric.name])]
        assert shown == pytest.approx(wanted, abs=digits)
    assert len(header) == 7


def test_of_several_seeds_the_interval_is_that_of_their_mean():
    results = several(3, cells=("gru",), seeds=(0, 1, 2))
    names = [job.name for job in results.jobs]
    assert len(names) == 3
    samples = bootstrap.resample(
        results.task, results.predictions, results.targets, num_resamples=100
    )
    mean = np.mean([samples[name]["accuracy"] for name in names], axis=0)
    row = read(results).tables["All metrics of each model"][1]
    assert figures(row[1])[1:] == pytest.approx(100 * np.quantile(mean, [0.025, 0.975]), abs=0.0051)
    assert "the luck of the seeds is not in them" in read(results).text


def test_what_is_taken_for_what():
    seen = read(make_results(("gru",), linear=0.87))
    # Of 1,000 examples, every second one of a class, the first 860 are right.
    assert seen.tables["Confusion matrix of GRU (reset after)"] == [
        ["right class", "dull", "gripping"],
        ["dull", "430", "70"],
        ["gripping", "70", "430"],
    ]
    assert seen.tables["Classes of GRU (reset after)"] == [
        ["Class", "Precision", "Recall", "F1", "Examples"],
        ["1  dull", "86.0 %", "86.0 %", "86.0 %", "500"],
        ["2  gripping", "86.0 %", "86.0 %", "86.0 %", "500"],
    ]
    for name in ("GRU (reset after) with the linear model", "linear model"):
        assert f"Classes of {name}" in seen.tables


def test_seeds_are_added_up_and_examples_counted_once():
    results = several(3, cells=("gru",), seeds=(0, 1))
    tables = read(results).tables
    _, *rows = tables["Confusion matrix of GRU (reset after)"]
    counts = np.array([[int(cell) for cell in row[1:]] for row in rows])
    support = np.bincount(results.targets)
    np.testing.assert_array_equal(counts.sum(1), 2 * support)
    examples = [int(row[4]) for row in tables["Classes of GRU (reset after)"][1:]]
    assert examples == support.tolist()
    recalls = [float(row[2].split()[0]) for row in tables["Classes of GRU (reset after)"][1:]]
    assert recalls == pytest.approx(100 * counts.diagonal() / counts.sum(1), abs=0.051)


def test_the_picture_says_the_same_in_words():
    text = page.render(make_results(("gru",)))
    (chart,) = re.findall(r"<svg role='img' aria-labelledby='confusion-0.*?</svg>", text, re.DOTALL)
    assert "<title id='confusion-0-title'>Confusion matrix of GRU (reset after)</title>" in chart
    assert (
        "best recognised: dull, 86.00 % of its examples; worst: dull, 86.00 %; most frequent "
        "mistake: dull taken for gripping, 14.00 % of its examples"
    ) in chart
    written = re.findall(r">([^<>]+)</text>", chart)
    assert written == ["dull", "gripping", "dull", "gripping", "86", "14", "14", "86"]
    assert "fill: var(--cell-gru)" in chart


@pytest.mark.parametrize("count", [2, 8, 9, 12, 13, 20, 21, 40])
def test_pictures_of_few_and_many_classes(count):
    results = several(count, cells=("gru",))
    text = page.render(results)
    (chart,) = re.findall(r"<svg role='img' aria-labelledby='confusion-0.*?</svg>", text, re.DOTALL)
    written = re.findall(r">([^<>]+)</text>", chart)
    assert ("topic 0" in " ".join(written)) == (count <= pictures.MOST_NAMED)
    num_labels = 2 * count if count <= 12 else 2 * (1 + count // 5)
    assert len(written) == num_labels + (count**2 if count <= pictures.MOST_WRITTEN else 0)
    assert len(chart) < 150_000
    seen = Page(text)
    is_counted = "Confusion matrix of GRU (reset after)" in seen.tables
    assert is_counted == (count <= classes.MOST_COUNTED)
    assert ("Most frequent mistakes of GRU (reset after)" in seen.tables) == (not is_counted)
    assert len(seen.tables["Classes of GRU (reset after)"]) == count + 1
    sizes = {float(size) for size in re.findall(r"font-size: ([\d.]+)px", chart)}
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', chart).group(1))
    assert min(sizes) * 358 / width >= 12


def test_the_squares_are_where_the_counts_are():
    results = several(3, cells=("gru",))
    (report, *_) = classes.class_reports(subjects(summarize(results), results), results)
    counts = np.array([[5, 5, 0], [0, 10, 0], [0, 0, 0]])
    chart = pictures.confusion_picture(replace(report, counts=counts), "one")
    shades = re.findall(r'<g id="one-shade-(\d+)">\s*<path d="([^"]*)"', chart)
    num_squares = {int(level): path.count("M") for level, path in shades}
    assert num_squares == {6: 2, 12: 1}  # two halves, and all of the second class


def test_ten_most_frequent_mistakes_of_forty_classes():
    results = several(40, cells=("gru",))
    header, *rows = read(results).tables["Most frequent mistakes of GRU (reset after)"]
    assert header == ["Right class", "Answer", "Examples", "Of the class"]
    assert len(rows) == 10
    numbers = [int(row[2]) for row in rows]
    assert numbers == sorted(numbers, reverse=True)
    answers = results.predictions["gru-seed0"].argmax(1)
    right, answer = (results.task.classes.index(name) for name in rows[0][:2])
    assert numbers[0] == np.sum((results.targets == right) & (answers == answer))


def test_a_class_without_examples_has_dashes():
    seen = read(several(4, cells=("gru",), missing=(2,)))
    row = seen.tables["Classes of GRU (reset after)"][3]
    assert row[0] == "3  topic 2"
    assert (row[2], row[4]) == (DASH, "0")
    assert "ROC AUC" not in seen.tables["All metrics of each model"][0]
    assert {"Balanced accuracy", "Macro F1"} <= {*seen.tables["All metrics of each model"][0]}
    assert not re.search(r"\bnan\b|\binf\b", seen.text)


def test_labels_have_their_four_outcomes():
    targets = np.random.default_rng(1).integers(0, 2, (300, 3))
    results = with_task(
        make_results(("gru",), num_test=300),
        Task("multi-label", ("a", "b", "c")),
        targets,
        lambda draws: 1 / (1 + np.exp(-draws.normal(size=(300, 3)) - 2 * targets + 1)),
    )
    header, *rows = read(results).tables["Confusion matrix of GRU (reset after)"]
    assert header == ["label", "both", "missed", "extra", "neither"]
    answers = results.predictions["gru-seed0"] > 0.5
    for column, row in enumerate(rows):
        right, answered = targets[:, column] == 1, answers[:, column]
        counts = [right & answered, right & ~answered, ~right & answered, ~right & ~answered]
        assert [int(cell) for cell in row[1:]] == [one.sum() for one in counts]


def test_a_regression_has_predicted_against_right():
    targets = np.random.default_rng(2).normal(size=500) * 3 + 10
    results = with_task(
        make_results(("gru",), (0, 1), num_test=500),
        Task("regression", ("stars",)),
        targets,
        lambda draws: (targets + draws.normal(size=500))[:, None],
    )
    seen = read(results)
    header, *rows = seen.tables["Predictions of GRU (reset after), stars"]
    assert header == ["Right", "Examples", "Mean right", "Mean predicted", "Mean absolute error"]
    assert [row[1] for row in rows] == ["100"] * 10  # of two seeds
    order = np.sort(targets)
    assert float(rows[0][2]) == pytest.approx(order[:50].mean(), rel=1e-3)
    names = ["Mean absolute error", "Root mean squared error", "R\N{SUPERSCRIPT TWO}"]
    assert seen.tables["All metrics of each model"][0] == ["Model", *names, "Correlation", "Loss"]
    assert "Predicted against right stars of GRU (reset after)" in seen.text


@pytest.mark.parametrize("number", [0.0, 3.5])
def test_equal_numbers_are_drawn_too(number):
    results = with_task(
        make_results(("gru",), num_test=5),
        Task("regression", ("stars",)),
        np.full(5, number),
        lambda draws: np.full((5, 1), number),
    )
    seen = read(results)
    assert len(seen.tables["Predictions of GRU (reset after), stars"]) == 2
    assert "R\N{SUPERSCRIPT TWO}" not in seen.tables["All metrics of each model"][0]


def test_names_of_classes_are_text():
    names = ("<script>alert(1)</script>", r"$\frac{1}{2}$ and more than fits", "\n")
    text = page.render(several(3, cells=("gru",), names=names))
    assert "<script" not in text
    (chart,) = re.findall(r"<svg role='img' aria-labelledby='confusion-0.*?</svg>", text, re.DOTALL)
    assert r">$\frac{1}{2}$" in chart
