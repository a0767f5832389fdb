"""Made-up results for the tests of the report, and a reader of its pages.

The numbers are round and regular, as no run would give them.
"""

from collections.abc import Sequence
from html.parser import HTMLParser
from math import exp
from typing import Any

import numpy as np

from tidegate.evaluation.blend import Blend
from tidegate.runs.results import (
    BlendModel,
    Job,
    LayerSummary,
    LinearModel,
    MajorityModel,
    Results,
)
from tidegate.task import Task
from tidegate.training.history import Epoch

ACCURACY = {"rnn": 0.75, "lstm": 0.85, "gru": 0.86, "gru-before": 0.865}
STEP_MS = {"rnn": 10.0, "lstm": 40.0, "gru": 28.0, "gru-before": 32.0}
NUM_GATES = {"rnn": 1, "lstm": 4, "gru": 3, "gru-before": 3}
REFERENCE = [
    {"cell": "rnn", "test_accuracy": 0.7497, "test_loss": 0.5489},
    {"cell": "lstm", "test_accuracy": 0.8518, "test_loss": 0.4295},
    {"cell": "gru", "test_accuracy": 0.8608, "test_loss": 0.4710},
]

TASK = Task("binary", ("dull", "gripping"))
CONDITIONS = "of one seed each, tested on 25,000 reviews that others wrote"

VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """What the tests look at in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.headings: list[tuple[int, str]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self._rows: list[list[str]] = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        elif tag in ("h1", "h2", "h3"):
            self.headings.append((int(tag[1]), ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.texts.append(data)
        if "caption" in self._open:
            self.tables[data] = self._rows
        elif "td" in self._open or "th" in self._open:
            self._rows[-1][-1] = f"{self._rows[-1][-1]} {data}".strip()
        elif self._open and self._open[-1] in ("h1", "h2", "h3"):
            level, text = self.headings[-1]
            self.headings[-1] = level, text + data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    @property
    def charts(self) -> int:
        return sum(attributes.get("role") == "img" for _, attributes in self.elements)

    @property
    def results(self) -> list[list[str]]:
        return self.tables["Accuracy and loss of each model"]

    @property
    def times(self) -> list[list[str]]:
        return self.tables["Time of each model"]


def make_results(
    cells: Sequence[str] = ("rnn", "lstm", "gru"),
    seeds: Sequence[int] = (0,),
    *,
    epochs: int = 5,
    num_test: int = 1000,
    seed_step: float = 0.002,
    reference: Sequence[dict[str, Any]] = (),
    num_finished: int | None = None,
    linear: float | None = None,
    together: float = 0.02,
) -> Results:
    """A comparison, complete unless ``num_finished`` jobs are fewer than planned.

    Args:
        seed_step: By how much the test accuracy of each next seed is higher.
        num_finished: Jobs finished, in the order of seeds, then cells; None: all.
        linear: Test accuracy of a linear model, if there is one.
        together: By how much a network is better with it.
    """
    planned = [(cell, place) for place in range(len(seeds)) for cell in cells]
    finished = planned[:num_finished]
    results = Results(
        task=TASK,
        configuration=make_configuration(cells, seeds, epochs, reference),
        environment={
            "tidegate": "0.0.0",
            "python": "3.99.0",
            "torch": "9.9.9",
            "numpy": "8.8.8",
            "platform": "Sample-1.0-x86_64",
            "cpu": "Sample CPU 9000 @ 1.23GHz",
            "isa": "avx2",
            "num_cpus": 4,
            "threads": 3,
        },
        data={
            "name": "sample reviews",
            "source": "https://example.org/sample",
            "description": "Sentences that nobody wrote, with labels that nobody gave.",
            "num_train": 4000,
            "num_validation": 500,
            "num_test": num_test,
            "vocabulary_size": 10000,
            "distinct_words": 54321,
            "training_words": 1234567,
            "training_words_unknown": 4567,
            "test_sha256": "0123456789abcdef" * 4,
            "some_new_count": 7654321,
        },
        num_targets=num_test,
        targets=np.arange(num_test) % 2,
        created="2001-02-03T04:05:06+00:00",
        status="complete" if len(finished) == len(planned) else "interrupted",
        preparation_s=4.25,
    )
    results.add(MajorityModel("dull", make_metrics(0.5)), make_predictions(0.5, num_test))
    if linear is not None:
        model = LinearModel(
            description="a sample of a linear model",
            num_parameters=654_321,
            metrics=make_metrics(linear),
            validation=make_metrics(linear - 0.01),
            wall_s=12.5,
        )
        results.add(model, make_predictions(linear, num_test))
    for cell, place in finished:
        accuracy = ACCURACY.get(cell, 0.5) + place * seed_step
        job = make_job(cell, seeds[place], epochs, accuracy)
        results.add(job, make_predictions(accuracy, num_test))
        if linear is not None:
            both = make_blend(job, accuracy + together)
            results.add(both, make_predictions(accuracy + together, num_test))
    return results


def make_metrics(accuracy: float) -> dict[str, float]:
    """Metrics that follow from the accuracy by round numbers."""
    return {
        "loss": 1.25 - accuracy,
        "accuracy": accuracy,
        "balanced_accuracy": accuracy - 0.125,
        "macro_f1": accuracy - 0.25,
        "roc_auc": accuracy + 0.0625,
        "calibration_error": (1 - accuracy) / 2,
    }


def make_predictions(accuracy: float, num_test: int) -> Any:
    """Probabilities of which the first examples' are right, as many as the accuracy says."""
    is_second = (np.arange(num_test) % 2 == 1) == (np.arange(num_test) < round(accuracy * num_test))
    return np.where(is_second[:, None], [[0.25, 0.75]], [[0.75, 0.25]])


def make_blend(job: Job, accuracy: float) -> BlendModel:
    """A network with the linear model."""
    return BlendModel(
        name=f"{job.name}+linear",
        network=job.name,
        blend=Blend({"network": 1.5, "linear": 0.5}, {"network": 0.4, "linear": 0.6}, 0.9),
        metrics=make_metrics(accuracy),
    )


def make_configuration(
    cells: Sequence[str], seeds: Sequence[int], epochs: int, reference: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The configuration of a made-up comparison."""
    return {
        "recipe": "notebook",
        "cells": list(cells),
        "seeds": list(seeds),
        "training.epochs": epochs,
        "batch_size": 32,
        "hidden_size": 128,
        "embedding_dim": 128,
        "vocabulary_size": 10000,
        "max_length": 200,
        "limit": None,
        "threads": 3,
        "reference": {
            "name": "notebook",
            "recipe": "notebook",
            "num_test": 25_000,
            "conditions": CONDITIONS,
            "figures": list(reference),
        }
        if reference
        else None,
    }


def make_job(cell: str, seed: int, epochs: int, accuracy: float) -> Job:
    """A job whose network learns quickly and then overfits."""
    num_recurrent = NUM_GATES.get(cell, 2) * 33_024
    step_ms = STEP_MS.get(cell, 20.0) + seed % 7
    return Job(
        name=f"{cell}-seed{seed}",
        cell=cell,
        seed=seed,
        path=f"sample path of {cell}",
        num_parameters=1_280_000 + num_recurrent + 129,
        summary=[
            LayerSummary("embedding (Embedding)", [None, 200, 128], 1_280_000),
            LayerSummary(f"encoder ({cell})", [None, 128], num_recurrent),
            LayerSummary("head (Linear)", [None, 1], 129),
        ],
        history=[_make_epoch(epoch, seed % 7, accuracy, step_ms) for epoch in range(1, epochs + 1)],
        metrics=make_metrics(accuracy),
        training_s=step_ms * 0.125 * epochs,
        wall_s=step_ms * 0.125 * epochs + 2.5,
        num_tokens=800_000 * epochs,
        step_ms=step_ms,
        inference_ms=step_ms / 4,
        model=f"models/{cell}-{seed}",
    )


def _make_epoch(epoch: int, shift: int, accuracy: float, step_ms: float) -> Epoch:
    overfit = 0.01 * max(0, epoch - 2 - shift % 2) ** 1.5
    fit = exp(-epoch)
    return Epoch(
        epoch=epoch,
        loss=0.04 + 1.5 * (1 - accuracy) * exp(-0.5 * epoch) * 2 + 0.01 * shift,
        score=1 - 1.1 * (1 - accuracy) * exp(0.7 - 0.7 * epoch) - 0.005 * shift,
        validation_loss=1.25 - accuracy + fit + 4 * overfit + 0.01 * shift,
        validation_score=accuracy + 0.01 - 0.25 * fit - overfit - 0.003 * shift,
        training_s=step_ms * 0.125,
        step_ms=step_ms,
    )
