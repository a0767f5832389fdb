"""The sentences of the report, computed from the results, and its ways to write numbers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from statistics import fmean
from typing import Any

from tidegate.cells import CELLS
from tidegate.evaluation.verdict import Verdict, num_level_with_best
from tidegate.report.summary import Cell
from tidegate.runs.results import Results
from tidegate.task import Metric

EPOCHS = "training.epochs"
"""The key of the configuration."""
_ONE_SEED = (
    "An interval from one seed covers the choice of test examples, "
    "not the luck of the initial weights; several seeds would tell more."
)


@dataclass(frozen=True)
class Notice:
    """The note above an unfinished comparison: what is done and what is missing."""

    title: str
    finished: list[str]
    """One line a cell, for example ``LSTM: seeds 0, 1``."""
    missing: list[str]


def percent(share: float) -> str:
    """A share between 0 and 1 in percent, to a hundredth."""
    return f"{100 * share:.2f} %"


def tenths(share: float) -> str:
    """A share between 0 and 1 in percent, to a tenth."""
    return f"{100 * share:.1f} %"


def value(metric: Metric, number: float) -> str:
    """A metric: a share in percent, another number to four digits."""
    return percent(number) if metric.is_share else f"{number:.4g}"


def reached(metric: Metric, number: float) -> str:
    """A test metric with its name, for the end of a sentence that begins "The model reaches"."""
    written = value(metric, number)
    return (
        f"{written} test {metric.text}" if metric.is_share else f"a test {metric.text} of {written}"
    )


def verdict(comparison: Verdict) -> str:
    """The words between "the second is" and the name of the first."""
    if comparison.is_better:
        return "better than"
    return "worse than" if comparison.is_worse else "not clearly different from"


def sureness(comparison: Verdict) -> str:
    """The p of a verdict, for a bracket: of several seeds' tests the largest."""
    text = "p < 0.001" if comparison.p_value < 0.001 else f"p = {comparison.p_value:.2g}"
    if comparison.num_seeds == 1:
        return text
    return text.replace("=", "up to").replace("<", "below")


def answer(given: Any) -> str:
    """An answer as a results file has it, in a sentence."""
    if isinstance(given, list):
        return _joined([answer(one) for one in given]) or "no label"
    return f"{given:.4g}" if isinstance(given, float) else plain(given)


def rounded(value: float) -> str:
    """A duration to about three digits, without exponent."""
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def plain(value: Any, separator: str = "") -> str:
    """A value of a results file for reading; ``separator`` stands between thousands."""
    if isinstance(value, bool) or value is None:
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, int):
        return f"{value:,}".replace(",", separator)
    if isinstance(value, list) and _is_flat(value):
        return ", ".join(plain(item, separator) for item in value) or "none"
    if isinstance(value, dict) and _is_flat(value.values()):
        return ", ".join(f"{key} {plain(item, separator)}" for key, item in value.items()) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def title(cells: Sequence[Cell]) -> str:
    """The page's title: which cells it is about."""
    what = _joined([cell.name for cell in cells])
    return f"tidegate: {what}" + (" compared" if len(cells) > 1 else "")


def headline(cells: Sequence[Cell], results: Results) -> str:
    """The outcome in one line, not bolder than the spread of the results allows."""
    finished = ranked(cells)
    if not finished:
        return "No result: no job has finished"
    best = finished[0]
    if len(finished) == 1:
        claim = f"{best.name} reaches {reached(best.metric, best.score.mean)}"
        return with_caveats(claim, finished, results)
    level = _level_with_best(finished)
    if level:
        return f"No clear winner between {_joined([cell.name for cell in (best, *level)])}"
    gap = abs(best.score.mean - finished[1].score.mean)
    size = f"{100 * gap:.2f} percentage points" if best.metric.is_share else f"{gap:.4g}"
    claim = f"{best.name} is ahead of {finished[1].name} by {size}"
    return with_caveats(claim, finished[:2], results)


def with_caveats(claim: str, cells: Sequence[Cell], results: Results) -> str:
    """A claim about some cells behind what makes it doubtful: one seed, a shortened training.

    For example ``With one seed each and 1 of the recipe's 5 epochs, LSTM is ahead of ...``.
    """
    configuration, caveats = results.configuration, []
    single = [cell.name for cell in cells if len(cell.jobs) == 1]
    if len(single) < len(cells):
        caveats += [f"one seed of {name}" for name in single]
    else:
        caveats.append("one seed each" if len(cells) > 1 else "one seed")
    epochs, usual = configuration.get(EPOCHS), configuration.get("changed", {}).get(EPOCHS)
    if EPOCHS in configuration.get("adapted", {}):
        usual = None  # nobody shortened the training
    if isinstance(epochs, int) and isinstance(usual, int) and epochs < usual:
        caveats.append(f"{epochs} of the recipe's {_counted(usual, 'epoch')}")
    sizes = [results.data.get(part) for part in ("num_train", "num_validation")]
    limit = configuration.get("limit")
    if limit and limit == sum(size for size in sizes if isinstance(size, int)):
        caveats.append(f"only {_counted(limit, 'training text')}")
    return f"With {_joined(caveats)}, {claim}" if caveats else _capitalized(claim)


def findings(cells: Sequence[Cell], results: Results) -> list[str]:
    """The paragraphs under the headline: what was done, how sure the ranking is, and time."""
    finished = ranked(cells)
    paragraphs = [_setting(cells, results)]
    if len(finished) > 1:
        paragraphs.append(f"{_ranking(finished)} {_certainty(finished)}")
    elif finished:
        paragraphs.append(_ranking(finished))
    times = _gru_times(finished)
    return [*paragraphs, times] if times else paragraphs


def changes(configuration: Mapping[str, Any]) -> list[str]:
    """What the user wants other than the recipe has it, for example ``epochs 1 (not 5)``."""
    own, adapted = configuration.get("changed", {}), configuration.get("adapted", {})
    return [
        f"{key} {plain(configuration[key])} (not {plain(own[key])})"
        for key in own
        if key not in adapted
    ]


def weights(cells: Sequence[Cell]) -> str:
    """The networks' shares of their blends with the linear model, for example ``GRU 0.41``."""
    shown = [
        f"{cell.name} {fmean(shares):.2f}"
        for cell in cells
        if (shares := [model.blend.weights["network"] for model in cell.blends])
    ]
    return _joined(shown)


def reference_note(results: Results) -> str:
    """How published figures beside the results were measured; empty where there are none."""
    reference = results.configuration.get("reference")
    if not reference or not results.task.main_metric.is_share:
        return ""
    text = f"The {reference['name']}'s figures are {reference['conditions']}"
    num_test = results.num_targets
    if num_test != reference["num_test"]:
        text += (
            f"; the test part here is another one, of {num_test:,} examples, so the two can only "
            "be compared roughly"
        )
    return text + "."


def notice(cells: Sequence[Cell], results: Results) -> Notice | None:
    """The finished and the missing jobs, unless the comparison is complete."""
    if results.status == "complete":
        return None
    seeds = results.configuration["seeds"]
    planned = [(key, seed) for key in results.configuration["cells"] for seed in seeds]
    done = {(job.cell, job.seed) for job in results.jobs}
    state = "is still running" if results.status == "running" else f"was {results.status}"
    num_done = sum(job in done for job in planned)

    def by_cell(jobs: list[tuple[str, int]]) -> list[str]:
        seeds_by_cell = {
            cell.name: [seed for key, seed in jobs if key == cell.key] for cell in cells
        }
        return [
            f"{name}: {_counted_word(len(these), 'seed')} {', '.join(map(str, these))}"
            for name, these in seeds_by_cell.items()
            if these
        ]

    return Notice(
        title=f"This comparison {state}: {num_done} of {_counted(len(planned), 'job')} finished.",
        finished=by_cell([job for job in planned if job in done]),
        missing=by_cell([job for job in planned if job not in done]),
    )


def ranked(cells: Sequence[Cell]) -> list[Cell]:
    """Those with finished jobs, the best first."""
    finished = (cell for cell in cells if cell.jobs)
    return sorted(finished, key=lambda cell: -cell.metric.sign * cell.score.mean)


def _level_with_best(ranked: Sequence[Cell]) -> list[Cell]:
    """Those next to the best whose spread reaches into the best one's."""
    count = num_level_with_best(ranked[0].metric, [cell.spread for cell in ranked])
    return [*ranked[1 : 1 + count]]


def _setting(cells: Sequence[Cell], results: Results) -> str:
    configuration, data = results.configuration, results.data
    parts = [
        f"{data[key]:,} {part}"
        for key, part in [
            ("num_train", "training"),
            ("num_validation", "validation"),
            ("num_test", "test"),
        ]
        if isinstance(data.get(key), int)
    ]
    text = _capitalized(_joined([cell.name for cell in cells]))
    text += " on " + plain(data.get("name", "unnamed data"))
    text += f" ({_joined(parts)} examples)" if parts else ""
    text += f", {_counted(len(configuration['seeds']), 'seed')} per cell"
    if isinstance(configuration.get(EPOCHS), int):
        text += f", {_counted(configuration[EPOCHS], 'epoch')} each"
    text += f", by the recipe {plain(configuration.get('recipe', 'unknown'))}"
    text += ", adapted to the data" if configuration.get("adapted") else ""
    values = changes(configuration)
    text += f" with {_joined(values)}" if values else ""
    return text + "."


def _ranking(ranked: Sequence[Cell]) -> str:
    """The best and the second with their main metrics and spreads."""
    metric = ranked[0].metric

    def described(cell: Cell) -> str:
        spread, num_seeds = cell.spread, len(cell.jobs)
        kind = f"over {num_seeds} seeds" if num_seeds > 1 else "95 % interval"
        inside = f"{value(metric, spread.low)} to {value(metric, spread.high)}, {kind}"
        return f"{cell.name} with {value(metric, cell.score.mean)} ({inside})"

    if len(ranked) == 1:
        return f"Mean test {metric.text}: {described(ranked[0])}."
    return f"Best mean test {metric.text}: {described(ranked[0])}; next: {described(ranked[1])}."


def _certainty(ranked: Sequence[Cell]) -> str:
    """Why the headline says what it says, and what it leaves open."""
    best, second = ranked[:2]
    num_orders = comb(len(best.jobs) + len(second.jobs), len(best.jobs))
    have_seeds = min(len(best.jobs), len(second.jobs)) > 1
    if _level_with_best(ranked):
        return "These overlap, so the difference may be chance." + (
            "" if have_seeds else " " + _ONE_SEED
        )
    if not have_seeds:
        return "These do not overlap. " + _ONE_SEED
    # All orders of the seeds are equally likely if the cells are equal; two of them separate.
    return (
        "Every seed of the first beat every seed of the second; "
        f"two equal cells would separate like this once in {num_orders // 2:,} comparisons."
    )


def _gru_times(ranked: Sequence[Cell]) -> str | None:
    """How each GRU's time per step compares with the LSTM's."""
    step_ms = {cell.key: cell.step_ms.mean for cell in ranked}
    gru_keys = [key for key in ("gru", "gru-before") if key in step_ms]
    if "lstm" not in step_ms or not gru_keys:
        return None
    ratios = [f"{CELLS[key]} takes {step_ms[key] / step_ms['lstm']:.2f} times" for key in gru_keys]
    times = _joined([rounded(step_ms[key]) for key in gru_keys])
    return (
        f"{_joined(ratios)} the LSTM's time per training step "
        f"({times} against {rounded(step_ms['lstm'])} ms). "
        "Counting the multiply-adds of their equations, it would be 0.75."
    )


def _is_flat(values: Iterable[Any]) -> bool:
    return not any(isinstance(value, list | dict) for value in values)


def _joined(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _counted(count: int, word: str) -> str:
    return f"{count:,} {_counted_word(count, word)}"


def _counted_word(count: int, word: str) -> str:
    return word if count == 1 else word + "s"
