"""Sequences of unequal length, as reviews have them, forward and backward.

Four ways with the same weights: tidegate with lengths; PyTorch packed, which is how its users
train and which computes the same; PyTorch padded, which reads the padding as data and so computes
something else; and tidegate padded in that manner, to see whether time follows the lengths' sum.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.bench.problem import LayerProblem
from tidegate.bench.runner import Case, Task
from tidegate.bench.torch_layers import (
    PYTORCH,
    TIDEGATE,
    layer_task,
    padded,
    reference,
)

BATCH, LONGEST = 64, 400
SHAPES = {
    "bidirectional, I 100, H 64": (100, 64, True),
    "one direction, I 128, H 128": (128, 128, False),
}
LENGTHS, PACKED, PADDED, PADDED_TIDEGATE = (
    f"{TIDEGATE} lengths",
    f"{PYTORCH} packed",
    f"{PYTORCH} padded",
    f"{TIDEGATE} padded",
)


def cases(cells: Sequence[str], lengths: NDArray[np.int64], source: str) -> Iterator[Case]:
    """One case for each cell and shape."""
    for cell in cells:
        for shape, (input_size, hidden_size, bidirectional) in SHAPES.items():
            problem = LayerProblem(
                cell,
                len(lengths),
                int(lengths.max()),
                input_size,
                hidden_size,
                bidirectional,
                lengths,
            )
            yield Case(
                name=f"ragged {cell}, {shape}",
                parameters={
                    **problem.parameters(),
                    "work": "forward and backward",
                    "lengths from": source,
                    "mean length": round(float(lengths.mean()), 1),
                },
                build=lambda problem=problem: _tasks(problem),  # type: ignore[misc]
                ratios=[((cell, peer), (cell, LENGTHS)) for peer in (PACKED, PADDED)]
                + [((cell, LENGTHS), (cell, PADDED_TIDEGATE))],
            )


def share_of_positions(lengths: Sequence[int]) -> float:
    """Real positions over all: what lengths over padded should take if time follows them."""
    return sum(lengths) / (max(lengths) * len(lengths))


def _tasks(problem: LayerProblem) -> list[Task]:
    same = reference(problem, training=True)
    other = reference(problem, training=True, forward=padded)
    return [
        layer_task(TIDEGATE, problem, training=True, expected=same, label=LENGTHS),
        layer_task(PYTORCH, problem, training=True, expected=same, label=PACKED),
        layer_task(PYTORCH, problem, training=True, expected=other, forward=padded, label=PADDED),
        layer_task(
            TIDEGATE, problem, training=True, expected=other, forward=padded, label=PADDED_TIDEGATE
        ),
    ]
