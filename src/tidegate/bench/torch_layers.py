"""Recurrent layers of PyTorch and of tidegate, on one problem, and their float64 reference."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import tidegate.nn
from tidegate.bench.agreement import GRADIENT, INPUT_GRADIENT, Arrays
from tidegate.bench.measure import timed
from tidegate.bench.problem import LayerProblem
from tidegate.bench.runner import Task

PYTORCH, TIDEGATE = "PyTorch", "tidegate"

TORCH_LAYERS: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class LoopResetBefore(nn.Module):
    """The GRU with reset before as a user of PyTorch has to write it: a loop over the steps.

    Parameters and results as those of ``torch.nn.GRU``. With lengths, a row keeps its state past
    its end.
    """

    def __init__(self, input_size: int, hidden_size: int, bidirectional: bool = False) -> None:
        super().__init__()
        twin = nn.GRU(input_size, hidden_size, bidirectional=bidirectional)
        for name, parameter in twin.named_parameters():
            self.register_parameter(name, parameter)
        self.suffixes = ("", "_reverse")[: 1 + bidirectional]

    def forward(self, input: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """From (T, N, I) to the states (T, N, D*H) and the last ones (D, N, H)."""
        inside = None
        if lengths is not None:
            steps = torch.arange(len(input), device=input.device)
            inside = steps[:, None, None] < lengths[:, None]
        outputs, last = zip(*(self._one_way(input, inside, s) for s in self.suffixes), strict=True)
        return torch.cat(outputs, 2), torch.stack(last)

    def _one_way(self, input: Tensor, inside: Tensor | None, suffix: str) -> tuple[Tensor, Tensor]:
        weight_ih, weight_hh, bias_ih, bias_hh = (
            getattr(self, f"{name}_l0{suffix}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        H = weight_hh.size(1)
        U_rz, U_n = weight_hh[: 2 * H].t(), weight_hh[2 * H :].t()
        product = nn.functional.linear(input, weight_ih, bias_ih + bias_hh)
        x_rz, x_n = product[:, :, : 2 * H].unbind(), product[:, :, 2 * H :].unbind()
        h = input.new_zeros(input.size(1), H)
        states: list[Tensor] = [h] * len(input)
        for t in reversed(range(len(input))) if suffix else range(len(input)):
            r, z = torch.addmm(x_rz[t], h, U_rz).sigmoid().chunk(2, 1)
            new = torch.lerp(torch.addmm(x_n[t], r * h, U_n).tanh(), h, z)
            h = new if inside is None else torch.where(inside[t], new, h)
            states[t] = h
        stacked = torch.stack(states)
        return stacked if inside is None else stacked * inside, h


def torch_layer(problem: LayerProblem) -> nn.Module:
    """PyTorch's layer of a problem, with its weights."""
    if problem.cell == "gru-before":
        layer: nn.Module = LoopResetBefore(
            problem.input_size, problem.hidden_size, problem.bidirectional
        )
    else:
        layer = TORCH_LAYERS[problem.cell](
            problem.input_size, problem.hidden_size, bidirectional=problem.bidirectional
        )
    return _with_weights(layer, problem)


def tidegate_layer(problem: LayerProblem) -> nn.Module:
    """tidegate's layer of a problem, with its weights."""
    kind, _, reset = problem.cell.partition("-")
    layer = getattr(tidegate.nn, kind.upper())(
        problem.input_size,
        problem.hidden_size,
        bidirectional=problem.bidirectional,
        **({"reset": reset} if reset else {}),
    )
    return _with_weights(layer, problem)


def _with_weights(layer: nn.Module, problem: LayerProblem) -> nn.Module:
    layer.load_state_dict({name: torch.from_numpy(a) for name, a in problem.weights.items()})
    return layer


Forward = Callable[[Tensor], tuple[Tensor, Any]]


def padded(layer: nn.Module, problem: LayerProblem) -> Forward:
    """Reads whatever stands past the ends of the rows, as if it were data."""
    return layer


def packed(layer: nn.Module, problem: LayerProblem) -> Forward:
    """PyTorch's way with unequal lengths: pack, run, unpack. All three are timed."""
    if problem.lengths is None:
        return layer
    lengths = torch.from_numpy(problem.lengths)
    if isinstance(layer, LoopResetBefore):
        return functools.partial(layer, lengths=lengths)

    def forward(input: Tensor) -> tuple[Tensor, Any]:
        sequence = nn.utils.rnn.pack_padded_sequence(input, lengths, enforce_sorted=False)
        output, state = layer(sequence)
        return nn.utils.rnn.pad_packed_sequence(output, total_length=len(input))[0], state

    return forward


def with_lengths(layer: nn.Module, problem: LayerProblem) -> Forward:
    """tidegate's way: lengths beside the padded input."""
    if problem.lengths is None:
        return layer
    return functools.partial(layer, lengths=torch.from_numpy(problem.lengths))


class Job:
    """One layer on one problem, forward or forward and backward."""

    def __init__(
        self, layer: nn.Module, forward: Forward, problem: LayerProblem, training: bool
    ) -> None:
        dtype = next(layer.parameters()).dtype
        self.layer, self.forward, self.training = layer.train(training), forward, training
        self.parameters = [*layer.parameters()]
        self.input = torch.from_numpy(problem.input).to(dtype)
        if training:
            self.gradient = torch.from_numpy(problem.output_gradient).to(dtype)
            self.input.requires_grad_()

    def __call__(self) -> tuple[Tensor, Any]:
        if not self.training:
            with torch.inference_mode():
                return self.forward(self.input)
        self.input.grad = None
        for parameter in self.parameters:
            parameter.grad = None
        output, state = self.forward(self.input)
        output.backward(self.gradient)
        return output, state

    def outputs(self) -> Arrays:
        output, state = self()
        states = state if isinstance(state, tuple) else (state,)
        tensors = {"output": output, **dict(zip(("h_n", "c_n"), states, strict=False))}
        if self.training:
            tensors[INPUT_GRADIENT] = self.input.grad
            for name, parameter in self.layer.named_parameters():
                tensors[GRADIENT + name] = parameter.grad
        return {
            name: np.empty(0) if value is None else value.detach().numpy()
            for name, value in tensors.items()
        }


def reference(
    problem: LayerProblem, training: bool, forward: Callable[..., Forward] = packed
) -> Callable[[], Arrays]:
    """What PyTorch computes of the problem in float64."""

    def compute() -> Arrays:
        layer = torch_layer(problem).double()
        return Job(layer, forward(layer, problem), problem, training).outputs()

    return compute


def layer_task(
    peer: str,
    problem: LayerProblem,
    *,
    training: bool,
    expected: Callable[[], Arrays],
    forward: Callable[..., Forward] | None = None,
    variant: str | None = None,
    label: str | None = None,
) -> Task:
    """A task for one of the two peers of this process.

    Args:
        peer: :data:`PYTORCH` or :data:`TIDEGATE`.
        problem: What to run.
        training: Forward and backward rather than forward alone.
        expected: From :func:`reference`.
        forward: How the layer is called, when not in the peer's own way with lengths.
        variant: The task's variant, when not the cell.
        label: The task's peer, when not ``peer``.
    """
    layer = torch_layer(problem) if peer == PYTORCH else tidegate_layer(problem)
    way = forward or (packed if peer == PYTORCH else with_lengths)
    job = Job(layer, way(layer, problem), problem, training)
    return Task(
        variant=variant or problem.cell,
        peer=label or peer,
        run=timed(job),
        outputs=job.outputs,
        expected=expected,
        gflop=problem.gflop(training),
    )
