"""The outcome in words: the best of the networks, the linear model, and both together."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation.paired import mcnemar
from tidegate.report import prose
from tidegate.report.summary import Cell
from tidegate.runs.results import Evaluation, Results

LEVEL = 0.05
"""A difference that luck gives more often than this is called none."""


class _Verdict(NamedTuple):
    """Of the second of two models over the first, in every seed."""

    is_better: bool
    is_worse: bool
    sureness: str
    """The test's p, for a bracket."""

    @property
    def words(self) -> str:
        if self.is_better:
            return "better than"
        return "worse than" if self.is_worse else "not clearly different from"


def headline(cells: Sequence[Cell], results: Results) -> str:
    """The outcome in one line, not bolder than the results allow."""
    ranked = prose.ranked(cells)
    if results.linear is None or not ranked:
        return prose.headline(cells, results)
    linear, best = prose.percent(results.linear.test.accuracy), ranked[0]
    if all(_of_linear(cell, results).is_better for cell in ranked):
        network = best.name if len(ranked) == 1 else "every network"
        claim = f"the linear model alone is better than {network}"
        return prose.with_caveats(claim, ranked, results)
    if len(ranked) > 1:
        return prose.headline(cells, results)
    return f"{prose.headline(cells, results)}; the linear model reaches {linear}"


def findings(cells: Sequence[Cell], results: Results) -> list[str]:
    """How the linear model compares with the best network, and whether both together help."""
    ranked, linear = prose.ranked(cells), results.linear
    if linear is None or not ranked:
        return []
    best = ranked[0]
    alone = _of_linear(best, results)
    networks = "the network" if len(ranked) == 1 else "the best network"
    text = (
        f"The linear model alone ({linear.name}) has {prose.percent(linear.test.accuracy)} and "
        f"is {alone.words} {networks} alone, {best.name} with {prose.percent(best.accuracy.mean)} "
        f"({alone.sureness})."
    )
    return [text + _of_both(max(ranked, key=lambda cell: cell.combined_mean), results)]


def _of_both(cell: Cell, results: Results) -> str:
    """Whether a network and the linear model are better together than either alone."""
    if not cell.combined_mean:
        return ""
    assert results.linear is not None
    both = [job.combined for job in cell.jobs if job.combined is not None]
    over_network = _judge([job.test for job in cell.jobs], both, results)
    over_linear = _judge([results.linear.test] * len(both), both, results)
    return (
        f" {cell.name} and the linear model together have {prose.percent(cell.combined_mean)}: "
        f"{over_network.words} the network alone ({over_network.sureness}), {over_linear.words} "
        f"the linear model alone ({over_linear.sureness})."
    )


def _of_linear(cell: Cell, results: Results) -> _Verdict:
    assert results.linear is not None
    return _judge([job.test for job in cell.jobs], [results.linear.test] * len(cell.jobs), results)


def _judge(first: Sequence[Evaluation], second: Sequence[Evaluation], results: Results) -> _Verdict:
    """Compare two models on the same test examples, seed by seed."""
    found = [
        mcnemar(_is_right(one, results), _is_right(two, results))
        for one, two in zip(first, second, strict=True)
    ]
    is_sure = all(pair.p_value < LEVEL for pair in found)
    largest = max(pair.p_value for pair in found)
    text = "p < 0.001" if largest < 0.001 else f"p = {largest:.2g}"
    return _Verdict(
        is_better=is_sure and all(pair.only_second > pair.only_first for pair in found),
        is_worse=is_sure and all(pair.only_second < pair.only_first for pair in found),
        sureness=text if len(found) == 1 else text.replace("=", "up to").replace("<", "below"),
    )


def _is_right(evaluation: Evaluation, results: Results) -> NDArray[np.bool_]:
    predicted = np.array(evaluation.probabilities) > 0.5
    found: NDArray[np.bool_] = predicted == (np.array(results.test_labels) == 1)
    return found
