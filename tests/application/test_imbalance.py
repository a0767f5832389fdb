"""What a run says of training classes that are of very different size."""

import numpy as np
import pytest

import tidegate as package
from resume_samples import SMALL
from tidegate.application import imbalance
from tidegate.task import Task
from tidegate.training.events import Notice

BINARY = Task("binary", ("bad", "good"))


@pytest.mark.parametrize(
    ("targets", "is_said"),
    [([0] * 6 + [1] * 2, True), ([0] * 5 + [1] * 2, False), ([0, 0, 0], True), ([0, 0], False)],
)
def test_it_is_said_from_three_times_the_examples_on(targets, is_said):
    found = imbalance.notice(BINARY, np.array(targets), "none")
    assert (found is not None) == is_said
    assert imbalance.notice(BINARY, np.array(targets), "balanced") is None


def test_it_names_the_classes_the_metrics_and_the_option():
    task = Task("multi-class", ("a", "b", "c"))
    found = imbalance.notice(task, np.repeat([0, 1, 2], [2000, 10, 500]), "none")
    assert found.startswith("training classes: 2,000 texts of a, 10 of b; ")
    assert "balanced accuracy and macro F1" in found
    assert "--set class_weights=balanced" in found


@pytest.mark.parametrize("kind", ["multi-label", "regression"])
def test_other_tasks_have_no_such_classes(kind):
    assert imbalance.notice(Task(kind, ("a",)), np.zeros((9, 1)), "none") is None


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_a_run_says_it(weights, reviews, tmp_path):
    for path in sorted((reviews / "train" / "neg").iterdir())[5:]:
        path.unlink()
    events = []
    package.train(
        "imdb",
        data=reviews,
        settings=SMALL | {"linear_model.order": 0, "training.class_weights": weights},
        threads=1,
        out=tmp_path / "run",
        callback=events.append,
    )
    told = [event.text for event in events if isinstance(event, Notice)]
    said = [text for text in told if "--set class_weights=balanced" in text]
    assert len(said) == (weights == "none")
