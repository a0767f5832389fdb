"""A grid of shapes: where is tidegate not faster than PyTorch?"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tidegate.bench.cases.layer import WORK
from tidegate.bench.problem import LayerProblem, generator
from tidegate.bench.results import Results
from tidegate.bench.runner import Case
from tidegate.bench.torch_layers import PYTORCH, TIDEGATE, layer_task, reference

BATCHES = (1, 8, 32, 256)
STEPS = (1, 10, 100, 1000)
HIDDEN_SIZES = (16, 64, 128, 512, 1024)
MAX_GFLOP = 20.0
"""Larger problems are left out: a second or more a call adds nothing but time."""
NOISE = 0.05
"""The share by which times vary: a smaller difference does not count as slower."""


def cases(
    cells: Sequence[str],
    *,
    batches: Sequence[int] = BATCHES,
    steps: Sequence[int] = STEPS,
    hidden_sizes: Sequence[int] = HIDDEN_SIZES,
    max_gflop: float = MAX_GFLOP,
) -> Iterator[Case]:
    """One case a shape, kind of work and form (padded or ragged); input as wide as the layer.

    Ragged: lengths uniform from 1 to T, unsorted, in PyTorch packed. A batch of one row and
    sequences of one step have no ragged form.
    """
    for (work, training), cell, N, T, H in product(
        WORK.items(), cells, batches, steps, hidden_sizes
    ):
        for form in ("padded", "ragged"):
            if form == "ragged" and (N == 1 or T == 1):
                continue
            lengths = _lengths(N, T) if form == "ragged" else None
            problem = LayerProblem(cell, N, T, H, H, lengths=lengths)
            if LayerProblem(cell, N, T, H, H).gflop(training) > max_gflop:
                continue
            yield _case(problem, work, training, form)


def slower(results: Results) -> list[tuple[str, float, float, float]]:
    """Cases where tidegate took longer than PyTorch by more than the noise, the worst first.

    Returns:
        Name of the case, and the ratio PyTorch / tidegate with its interval.
    """
    slower_cases = [
        (case.name, r.ratio.value, r.ratio.low, r.ratio.high)
        for case in results.cases
        for r in case.ratios
        if r.name.endswith(f"{PYTORCH} / {TIDEGATE}") and r.ratio.value < 1 - NOISE
    ]
    return sorted(slower_cases, key=lambda row: row[1])


def _lengths(batch: int, steps: int) -> NDArray[np.int64]:
    lengths = generator(0, f"lengths of {batch} rows of {steps}").integers(1, steps + 1, batch)
    # One row has all steps, as a padded batch has.
    lengths[0] = steps
    return lengths


def _case(problem: LayerProblem, work: str, training: bool, form: str) -> Case:
    expected = reference(problem, training)
    sizes = f"N {problem.batch} T {problem.steps} H {problem.hidden_size}"
    return Case(
        name=f"{problem.cell} {sizes}, {form}, {work}",
        parameters={**problem.parameters(), "work": work, "form": form},
        build=lambda: [
            layer_task(peer, problem, training=training, expected=expected)
            for peer in (TIDEGATE, PYTORCH)
        ],
        ratios=[((problem.cell, PYTORCH), (problem.cell, TIDEGATE))],
    )
