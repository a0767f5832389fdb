"""The table of classes and the confusion matrix of each model of the report, over all its seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation import classes
from tidegate.evaluation.classes import ClassScores, Mistake
from tidegate.report.subjects import Subject
from tidegate.runs.results import Results

MOST_COUNTED = 20
"""Classes whose counts are shown as a table; with more it is too wide to be read, and the most
frequent mistakes are listed instead."""


@dataclass(frozen=True)
class ClassReport:
    """The table of classes and the confusion matrix of a subject."""

    subject: Subject
    names: tuple[str, ...]
    """The names of the classes or labels."""
    scores: list[ClassScores]
    """Over the answers of all seeds; ``support`` counts an example once."""
    counts: NDArray[np.int64]
    """As of :func:`~tidegate.evaluation.classes.confusion`, all seeds added up."""

    @property
    def is_counted(self) -> bool:
        """Whether the counts of all classes are shown as a table."""
        return self.counts.ndim == 3 or len(self.names) <= MOST_COUNTED

    @property
    def mistakes(self) -> list[Mistake]:
        """The most frequent ones, where an example has one class."""
        return classes.largest_mistakes(self.names, self.counts) if self.counts.ndim == 2 else []


def class_reports(subjects: Sequence[Subject], results: Results) -> list[ClassReport]:
    """The class report of each subject; an empty list for a regression."""
    task, targets = results.task, results.targets
    if not task.is_classification or not len(targets):
        return []
    reports = []
    for subject in subjects:
        num_seeds = len(subject.models)
        answers = [task.decide_by(results.predictions[name]) for name in subject.models]
        both = np.concatenate(answers), np.concatenate([targets] * num_seeds)
        scores = [
            replace(one, support=one.support // num_seeds)
            for one in classes.table_of_classes(task, *both)
        ]
        counts = classes.confusion(task, *both)
        reports.append(ClassReport(subject, task.classes, scores, counts))
    return reports
