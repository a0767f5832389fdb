"""One layer alone on dense input, forward and forward with backward."""

from collections.abc import Iterator, Sequence

from tidegate.bench import remote
from tidegate.bench.problem import LayerProblem
from tidegate.bench.remote import FLUSHED, Workers
from tidegate.bench.runner import Case, Name, Task
from tidegate.bench.torch_layers import PYTORCH, TIDEGATE, layer_task, reference

WORK = {"forward": False, "forward and backward": True}
"""Whether a kind of work is training."""


def cases(
    cells: Sequence[str],
    workers: Workers,
    *,
    batch: int = 32,
    steps: int = 200,
    input_size: int = 128,
    hidden_size: int = 128,
) -> Iterator[Case]:
    """For each kind of work one case with all cells and peers."""
    problems = [LayerProblem(cell, batch, steps, input_size, hidden_size) for cell in cells]
    for work, training in WORK.items():
        yield Case(
            name=f"layer, {work}",
            parameters={"N": batch, "T": steps, "I": input_size, "H": hidden_size, "work": work},
            build=lambda training=training: [  # type: ignore[misc]
                task for problem in problems for task in _tasks(problem, training, workers)
            ],
            ratios=_ratios(cells, workers),
        )


def _ratios(cells: Sequence[str], workers: Workers) -> list[tuple[Name, Name]]:
    pairs: list[tuple[Name, Name]] = [
        ((cell, peer), (cell, TIDEGATE)) for cell in cells for peer in (PYTORCH, *workers.present)
    ]
    if FLUSHED in workers.present:
        pairs += [((cell, PYTORCH), (cell, FLUSHED)) for cell in cells]
    for above, below in (("gru", "lstm"), ("gru-before", "gru")):
        if above in cells and below in cells:
            pairs.append(((above, TIDEGATE), (below, TIDEGATE)))
    return pairs


def _tasks(problem: LayerProblem, training: bool, workers: Workers) -> list[Task]:
    expected = reference(problem, training)
    tasks: list[Task | None] = [
        layer_task(peer, problem, training=training, expected=expected)
        for peer in (TIDEGATE, PYTORCH)
    ]
    tasks += [
        remote.layer_task(worker, problem, training=training, expected=expected)
        for worker in workers.present.values()
    ]
    return [task for task in tasks if task is not None]
