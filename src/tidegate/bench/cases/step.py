"""One step at batch 1, called from Python, as in a stream: what does a call cost?"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tidegate import engine
from tidegate.bench import remote
from tidegate.bench.agreement import Arrays
from tidegate.bench.measure import timed
from tidegate.bench.problem import LayerProblem
from tidegate.bench.remote import ONNX, Workers
from tidegate.bench.runner import Case, Task
from tidegate.bench.torch_layers import PYTORCH, TIDEGATE, reference
from tidegate.cells import ENGINE_CELLS

CHECKED_STEPS = 20
TORCH_CELLS: dict[str, type[nn.Module]] = {
    "rnn": nn.RNNCell,
    "lstm": nn.LSTMCell,
    "gru": nn.GRUCell,
}

Stream = tuple[Callable[[Any], Any], Any]
"""One step, and the inputs of all steps."""


def case(cells: Sequence[str], workers: Workers, size: int = 128) -> Case:
    """All cells and peers; the state goes from call to call."""
    problems = [LayerProblem(cell, 1, CHECKED_STEPS, size, size) for cell in cells]
    peers = [PYTORCH, *([ONNX] if ONNX in workers.present else [])]
    return Case(
        name="one step",
        parameters={"N": 1, "I": size, "H": size, "work": "forward"},
        build=lambda: [task for problem in problems for task in _tasks(problem, workers)],
        ratios=[((cell, peer), (cell, TIDEGATE)) for cell in cells for peer in peers],
    )


def _tasks(problem: LayerProblem, workers: Workers) -> list[Task]:
    def expected() -> Arrays:
        return {"output": reference(problem, training=False)()["output"]}

    makers = {TIDEGATE: _stepper}
    if problem.cell in TORCH_CELLS:
        makers[PYTORCH] = _torch_cell
    tasks = [_task(problem, peer, make, expected) for peer, make in makers.items()]
    if ONNX in workers.present:
        tasks.append(remote.step_task(workers.present[ONNX], problem, expected))
    return tasks


def _task(
    problem: LayerProblem, peer: str, make: Callable[..., Stream], expected: Callable[[], Arrays]
) -> Task:
    step, inputs = make(problem)
    checked, _ = make(problem)

    # Entered once a sample, as a stream's loop would, and not at every call.
    @torch.inference_mode()
    def run(repeats: int) -> float:
        return timed(lambda: step(inputs[0]))(repeats)

    @torch.inference_mode()
    def outputs() -> Arrays:
        # The state is one array that every step overwrites.
        return {"output": np.stack([_array(checked(x)).copy() for x in inputs])}

    return Task(problem.cell, peer, run, outputs, expected)


def _array(state: Any) -> Any:
    return state.numpy() if isinstance(state, Tensor) else state


def _stepper(problem: LayerProblem) -> Stream:
    weights = engine.Weights(**{n.removesuffix("_l0"): a for n, a in problem.weights.items()})
    return engine.Stepper(ENGINE_CELLS[problem.cell], weights).step, problem.input


def _torch_cell(problem: LayerProblem) -> Stream:
    cell = TORCH_CELLS[problem.cell](problem.input_size, problem.hidden_size)
    cell.load_state_dict(
        {n.removesuffix("_l0"): torch.from_numpy(a) for n, a in problem.weights.items()}
    )
    state: Any = None

    def step(x: Tensor) -> Tensor:
        nonlocal state
        state = cell(x, state)
        h: Tensor = state[0] if isinstance(state, tuple) else state
        return h

    return step, torch.from_numpy(problem.input)
