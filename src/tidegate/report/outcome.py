"""The outcome in words: the best of the networks, the linear model, and both together."""

from collections.abc import Sequence

from tidegate.evaluation.verdict import Verdict, judge
from tidegate.report import prose
from tidegate.report.summary import Cell
from tidegate.runs.results import BaselineModel, Results


def headline(cells: Sequence[Cell], results: Results) -> str:
    """The outcome in one line, not bolder than the results allow."""
    ranked = prose.ranked(cells)
    if results.linear is None or not ranked:
        return prose.headline(cells, results)
    linear, best = _linear(ranked[0], results), ranked[0]
    if all(_of_linear(cell, results).is_better for cell in ranked):
        network = best.name if len(ranked) == 1 else "every network"
        claim = f"the linear model alone is better than {network}"
        return prose.with_caveats(claim, ranked, results)
    if len(ranked) > 1:
        return prose.headline(cells, results)
    return f"{prose.headline(cells, results)}; the linear model reaches {linear}"


def findings(cells: Sequence[Cell], results: Results) -> list[str]:
    """How the linear model and a constant answer compare with the best network, and whether both
    models together help."""
    ranked, linear = prose.ranked(cells), results.linear
    if not ranked:
        return []
    best = ranked[0]
    majority = [text] if (text := _of_majority(best, results)) else []
    majority += [_of_baseline(best, results, one) for one in results.baselines]
    if linear is None:
        return majority
    alone = _of_linear(best, results)
    networks = "the network" if len(ranked) == 1 else "the best network"
    text = (
        f"The linear model alone ({linear.description}) has {_linear(best, results)} and is "
        f"{prose.verdict(alone)} {networks} alone, {best.name} with "
        f"{prose.value(best.metric, best.score.mean)} ({prose.sureness(alone)})."
    )
    blended = [cell for cell in ranked if cell.combined is not None]
    both = max(blended, key=_combined, default=best)
    return [text + _of_both(both, results), *majority]


def _combined(cell: Cell) -> float:
    return 0.0 if cell.combined is None else cell.metric.sign * cell.combined.mean


def _linear(cell: Cell, results: Results) -> str:
    """The linear model's main metric."""
    assert results.linear is not None
    return prose.value(cell.metric, results.linear.metrics[cell.metric.name])


def _of_both(cell: Cell, results: Results) -> str:
    """Whether a network and the linear model are better together than either alone."""
    if cell.combined is None:
        return ""
    assert results.linear is not None
    both = [cell.scores(blend.name) for blend in cell.blends]
    over_network = judge(cell.metric, [cell.scores(job.name) for job in cell.jobs], both)
    over_linear = judge(cell.metric, [cell.scores(results.linear.name)] * len(both), both)
    return (
        f" {cell.name} and the linear model together have "
        f"{prose.value(cell.metric, cell.combined.mean)}: {prose.verdict(over_network)} the "
        f"network alone ({prose.sureness(over_network)}), {prose.verdict(over_linear)} the linear "
        f"model alone ({prose.sureness(over_linear)})."
    )


def _of_majority(cell: Cell, results: Results) -> str:
    """A sentence on whether the best network is better than the constant answer."""
    if results.majority is None:
        return ""
    constant, main = results.majority, cell.metric
    compared = judge(
        main,
        [cell.scores(constant.name)] * len(cell.jobs),
        [cell.scores(job.name) for job in cell.jobs],
    )
    return (
        f"The same answer to everything, {prose.answer(constant.answer)}, reaches "
        f"{prose.reached(main, constant.metrics[main.name])}; {cell.name} is "
        f"{prose.verdict(compared)} that ({prose.sureness(compared)})."
    )


def _of_baseline(cell: Cell, results: Results, baseline: BaselineModel) -> str:
    """A sentence on whether the best network is better than a forecast without one."""
    compared = judge(
        cell.metric,
        [cell.scores(baseline.name)] * len(cell.jobs),
        [cell.scores(job.name) for job in cell.jobs],
    )
    name = baseline.description.partition(":")[0].partition(" by ")[0]
    return (
        f"The {name} forecast has {prose.reached(cell.metric, baseline.metrics[cell.metric.name])};"
        f" {cell.name} is {prose.verdict(compared)} that ({prose.sureness(compared)})."
    )


def _of_linear(cell: Cell, results: Results) -> Verdict:
    assert results.linear is not None
    jobs = [cell.scores(job.name) for job in cell.jobs]
    return judge(cell.metric, jobs, [cell.scores(results.linear.name)] * len(jobs))
