"""Problems of small sets of texts, their folds, and what is trained on each: for `own_texts.py`."""

import csv
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.multiclass import OneVsRestClassifier

import surname_texts
import tidegate
from tidegate.data import sources

NUM_FOLDS = 5
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Baseline:
    """TF-IDF and logistic regression: what its values are chosen of."""

    grid: list[dict[str, Any]]
    """Arguments of the vectoriser."""
    Cs: tuple[float, ...]
    is_binary: bool = True
    class_weight: str | None = None


@dataclass(frozen=True)
class Problem:
    """A set of labelled texts, and how it is measured."""

    texts: NDArray[np.object_]
    """Shape (N,)."""
    labels: NDArray[np.int64]
    """The class of each, counted from 0, (N,)."""
    classes: tuple[str, ...]
    metric: str
    """``accuracy`` or ``balanced_accuracy``."""
    baseline: Baseline
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the recipe: what belongs to the question."""

    def score(self, answers: NDArray[np.int64], rows: Rows) -> float:
        """The metric of answers to some rows."""
        measure = accuracy_score if self.metric == "accuracy" else balanced_accuracy_score
        return float(measure(self.labels[rows], answers))

    def folds(self, rows: Rows, seed: int) -> Iterable[tuple[Rows, Rows]]:
        """Rows to train and to test on; the classes alike, equal texts on one side."""
        groups = np.unique(
            [" ".join(text.lower().split()) for text in self.texts[rows]], return_inverse=True
        )[1]
        cut = StratifiedGroupKFold(NUM_FOLDS, shuffle=True, random_state=seed)
        for train, test in cut.split(self.texts[rows], self.labels[rows], groups):
            yield rows[train], rows[test]


@dataclass(frozen=True)
class FoldResult:
    """What was measured on one fold."""

    fold: int
    num_train: int
    num_test: int
    scores: dict[str, float]
    """By model."""
    chosen: dict[str, Any]
    """The baseline's values, and what `default` changed."""
    wall_s: dict[str, float]


def measure(
    problem: Problem,
    number: int,
    folder: Path,
    *,
    seed: int,
    threads: int,
    settings: Sequence[str],
    init_from: Path | None,
    inner: bool,
) -> FoldResult:
    """Train and test all models on one fold.

    Args:
        folder: A new one, for the runs.
        inner: Whether the fold's training part alone is used, and cut once more.
    """
    folder.mkdir()
    train, test = [*problem.folds(np.arange(len(problem.texts)), 0)][number]
    if inner:
        train, test = next(iter(problem.folds(train, 1)))
    begin = time.perf_counter()
    answers, chosen = baseline_answers(problem, train, test)
    scores = {"TF-IDF and logistic regression": problem.score(answers, test)}
    wall_s = {"baseline": time.perf_counter() - begin}
    _tell(number, "baseline", scores, wall_s["baseline"])
    found: dict[str, Any] = {"baseline": chosen}
    files = {part: folder / f"{part}.csv" for part in ("train", "test")}
    # The last texts of the file validate: of all classes, hence in a random order.
    _write(problem, np.random.default_rng(0).permutation(train), files["train"])
    _write(problem, test, files["test"])
    starts = {"": None} if init_from is None else {"": None, ", from a language model": init_from}
    for suffix, start in starts.items():
        begin = time.perf_counter()
        run = tidegate.train(
            files["train"],
            test=files["test"],
            text="text",
            label="label",
            recipe="default",
            seed=seed,
            threads=threads,
            init_from=start,
            settings={**problem.settings, **_settings(settings, start)},
            out=folder / f"run{len(wall_s)}",
        )
        wall_s["default" + suffix] = time.perf_counter() - begin
        found["default" + suffix] = run.results.configuration["adapted"]
        own = {}
        for model in run.results.models:
            if model.kind != "majority" and (start is None or model.kind != "linear"):
                own[_NAMES[model.kind] + suffix] = model.metrics[problem.metric]
        _tell(number, "default" + suffix, own, wall_s["default" + suffix])
        scores |= own
    return FoldResult(number, len(train), len(test), scores, found, wall_s)


_NAMES = {"recurrent": "network", "linear": "linear model", "blend": "network and linear model"}


def baseline_answers(
    problem: Problem, train: Rows, test: Rows
) -> tuple[NDArray[np.int64], dict[str, Any]]:
    """The answers of the best TF-IDF and logistic regression, and its values.

    They are chosen on a fifth of the training part; then it is trained on all of it.
    """
    baseline, (fitted, validation) = problem.baseline, next(iter(problem.folds(train, 2)))
    best: tuple[float, dict[str, Any], float] | None = None
    for arguments in baseline.grid:
        vectoriser = TfidfVectorizer(**arguments)
        features = vectoriser.fit_transform(problem.texts[fitted])
        others = vectoriser.transform(problem.texts[validation])
        for C in baseline.Cs:
            model = _regression(baseline, C).fit(features, problem.labels[fitted])
            score = problem.score(model.predict(others), validation)
            if best is None or score > best[0]:
                best = score, arguments, C
    assert best is not None
    score, arguments, C = best
    vectoriser = TfidfVectorizer(**arguments)
    model = _regression(baseline, C)
    model.fit(vectoriser.fit_transform(problem.texts[train]), problem.labels[train])
    answers = model.predict(vectoriser.transform(problem.texts[test]))
    return answers, {**arguments, "C": C, "validation": score}


def _regression(baseline: Baseline, C: float) -> Any:
    """One of two classes, or one for each of several: as good as a multinomial one, and faster."""
    one = LogisticRegression(C=C, class_weight=baseline.class_weight, solver="liblinear")
    return one if baseline.is_binary else OneVsRestClassifier(one)


def _settings(settings: Sequence[str], start: Path | None) -> dict[str, Any]:
    """Values as typed; where a language model is given, also its widths."""
    from tidegate.runs import pretrained
    from tidegate.training import sections

    values = {}
    for setting in settings:
        key, _, text = setting.partition("=")
        full = sections.full_key(key)
        values[full] = sections.parse(full, text)
    if start is not None:
        widths = pretrained.load(start).architecture
        values |= {f"network.{key}": widths[key] for key in ("embedding_dim", "hidden_size")}
    return values


def _write(problem: Problem, rows: Rows, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for row in rows.tolist():
            label = problem.classes[problem.labels[row]]
            writer.writerow([problem.texts[row], label])


def _tell(number: int, what: str, scores: dict[str, float], seconds: float) -> None:
    each = ", ".join(f"{model} {100 * score:.2f}" for model, score in scores.items())
    click.echo(f"fold {number}: {what}: {each} ({seconds:.0f} s)", err=True)


def snippets() -> Problem:
    """8,530 sentences from reviews at Rotten Tomatoes, favourable or not."""
    data = sources.load("rotten-tomatoes")
    return Problem(
        texts=np.array([*data.train.texts, *data.test.texts], object),
        labels=np.concatenate([data.train.labels, data.test.labels]),
        classes=data.task.classes,
        metric="accuracy",
        baseline=Baseline(
            grid=[
                {"ngram_range": (1, 2), "sublinear_tf": True},
                {"ngram_range": (1, 2), "sublinear_tf": True, "min_df": 2},
                {"ngram_range": (1, 2), "sublinear_tf": True, "token_pattern": r"(?u)\b\w+\b"},
                {"ngram_range": (1, 2), "sublinear_tf": False},
            ],
            Cs=(0.3, 1, 3, 10, 30, 100),
        ),
    )


def surnames() -> Problem:
    """Surnames of 27 languages, by characters."""
    texts, labels, classes = surname_texts.load()
    return Problem(
        texts=np.array(texts, object),
        labels=np.array(labels),
        classes=classes,
        metric="balanced_accuracy",
        baseline=Baseline(
            grid=[
                {"analyzer": analyzer, "ngram_range": (1, longest), "sublinear_tf": True}
                for analyzer in ("char", "char_wb")
                for longest in (3, 4)
            ],
            Cs=(1, 3, 10, 30),
            is_binary=False,
            class_weight="balanced",
        ),
        settings={"training.class_weights": "balanced", "text.tokens": "characters"},
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {"snippets": snippets, "surnames": surnames}
