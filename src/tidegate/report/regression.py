"""Predicted and right numbers of each model of the report, grouped by size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.report.subjects import Subject
from tidegate.runs.results import Results

NUM_GROUPS = 10
MOST_NUMBERS = 6
"""Numbers of an answer that are shown, the first ones."""


@dataclass(frozen=True)
class Group:
    """Examples with right numbers of about the same size."""

    num_examples: int
    low: float
    high: float
    """The smallest and the largest right number."""
    mean_right: float
    mean_predicted: float
    mean_error: float
    """Mean absolute error."""


@dataclass(frozen=True)
class RegressionReport:
    """The predictions of one number by a subject, over all its seeds."""

    subject: Subject
    number: str
    """Its name."""
    right: NDArray[np.float64]
    predicted: NDArray[np.float64]
    """Both (N times seeds,)."""

    @property
    def groups(self) -> list[Group]:
        """The examples by the size of the right number, in groups of about as many examples.

        Examples with the same right number are in one group.
        """
        order = np.sort(self.right)
        place = np.searchsorted(order, self.right) * NUM_GROUPS // len(order)
        groups = []
        for one in np.unique(place):
            right, predicted = self.right[place == one], self.predicted[place == one]
            groups.append(
                Group(
                    num_examples=len(right),
                    low=float(right.min()),
                    high=float(right.max()),
                    mean_right=float(right.mean()),
                    mean_predicted=float(predicted.mean()),
                    mean_error=float(np.abs(right - predicted).mean()),
                )
            )
        return groups


def regression_reports(subjects: Sequence[Subject], results: Results) -> list[RegressionReport]:
    """Predicted and right numbers of every subject; nothing for another task."""
    if results.task.kind != "regression" or not len(results.targets):
        return []
    right = results.targets.reshape(len(results.targets), -1)
    return [
        RegressionReport(
            subject,
            number,
            np.tile(right[:, column], len(subject.models)),
            np.concatenate([results.predictions[name][:, column] for name in subject.models]),
        )
        for subject in subjects
        for column, number in enumerate(results.task.classes[:MOST_NUMBERS])
    ]
