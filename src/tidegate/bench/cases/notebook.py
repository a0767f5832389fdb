"""The notebook's whole training step: embedding, layer, Dense(1), loss, backward, Adam."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tidegate.bench import remote
from tidegate.bench.agreement import GRADIENT, INPUT_GRADIENT, Arrays
from tidegate.bench.measure import timed
from tidegate.bench.problem import Floats, LayerProblem, generator
from tidegate.bench.remote import FLUSHED, ONNX, Workers
from tidegate.bench.runner import Case, Name, Task
from tidegate.bench.texts import BATCH_SIZE, LENGTH, VOCABULARY_SIZE, Batches
from tidegate.bench.torch_layers import PYTORCH, TIDEGATE, tidegate_layer, torch_layer
from tidegate.nn import TextEncoder
from tidegate.optim import Adam

WIDTH = 128
"""The size of the embedding and of the layer."""

CHECKED_STEPS = 5
OFF_PYTORCHS = f"parameters off PyTorch's Adam after {CHECKED_STEPS} steps"
"""An error of tidegate alone: its optimiser against PyTorch's on the same gradients. The reference
in float64 has other gradients, and Adam blows up what rounding does to one near 0."""


def case(cells: Sequence[str], batches: Batches, workers: Workers) -> Case:
    """All cells and all peers in one run, so that cells can be compared as well."""
    peers = [peer for peer in workers.present if peer != ONNX]
    ratios: list[tuple[Name, Name]] = [
        ((cell, peer), (cell, TIDEGATE)) for cell in cells for peer in (PYTORCH, *peers)
    ]
    if FLUSHED in peers:
        ratios += [((cell, PYTORCH), (cell, FLUSHED)) for cell in cells]
    for above, below in (("gru", "lstm"), ("rnn", "lstm"), ("gru-before", "gru")):
        if above in cells and below in cells:
            for peer in (TIDEGATE, PYTORCH, *peers):
                ratios.append(((above, peer), (below, peer)))
    return Case(
        name="notebook",
        parameters={
            "N": BATCH_SIZE,
            "T": LENGTH,
            "I": WIDTH,
            "H": WIDTH,
            "vocabulary": VOCABULARY_SIZE,
            "batches": len(batches.tokens),
            "tokens": batches.source,
            "mean distinct ids": round(batches.mean_distinct()),
            "mean real tokens": round(batches.mean_real()),
            "optimiser": "Adam",
        },
        build=lambda: [t for cell in cells for t in _tasks(cell, batches, workers, peers)],
        ratios=ratios,
    )


def _tasks(cell: str, batches: Batches, workers: Workers, peers: Sequence[str]) -> list[Task]:
    problem = LayerProblem(cell, BATCH_SIZE, LENGTH, WIDTH, WIDTH)
    rest = _weights_around()

    def expected() -> Arrays:
        network = Network(_Apart, torch_layer(problem), rest).double()
        num_parameters = len([*network.parameters()])
        return {**Training(network, batches).outputs(), OFF_PYTORCHS: np.zeros(num_parameters)}

    tasks = []
    for peer in (TIDEGATE, PYTORCH):
        step = training(cell, peer, batches)
        # tidegate and Keras have no tensor of the layer's input, or do not show it.
        omits = (INPUT_GRADIENT,) if peer == TIDEGATE else (OFF_PYTORCHS,)
        # Operations are not counted: peers leave out different parts of them.
        tasks.append(Task(cell, peer, step.timed, step.outputs, expected, omits=omits))
    arrays = {"tokens": batches.tokens, "labels": batches.labels, **rest}
    for peer in peers:
        tasks.append(
            replace(
                remote.notebook_task(
                    workers.present[peer],
                    cell,
                    arrays,
                    problem.weights,
                    expected,
                ),
                omits=(OFF_PYTORCHS, *(() if peer == FLUSHED else (INPUT_GRADIENT,))),
            )
        )
    return tasks


def training(cell: str, peer: str, batches: Batches) -> "Training":
    """The step of one of this process's peers."""
    problem = LayerProblem(cell, BATCH_SIZE, LENGTH, WIDTH, WIDTH)
    if peer == TIDEGATE:
        network = Network(TextEncoder, tidegate_layer(problem), _weights_around(), sparse=True)
        return ByRows(network, batches)
    return Training(Network(_Apart, torch_layer(problem), _weights_around()), batches)


def _weights_around() -> dict[str, Floats]:
    """Embedding and head; small values, as initialisers give."""
    draws = generator(0, "weights around the layer")

    def uniform(bound: float, *shape: int) -> Floats:
        return draws.uniform(-bound, bound, shape).astype(np.float32)

    return {
        "embedding": uniform(0.05, VOCABULARY_SIZE, WIDTH),
        "head_weight": uniform(WIDTH**-0.5, 1, WIDTH),
        "head_bias": uniform(WIDTH**-0.5, 1),
    }


class _Apart(nn.Module):
    """Embedding and layer, called one after the other."""

    def __init__(self, embedding: nn.Embedding, recurrent: nn.Module) -> None:
        super().__init__()
        self.embedding, self.recurrent = embedding, recurrent

    def forward(self, tokens: Tensor) -> Any:
        return self.recurrent(self.embedding(tokens))


class Network(nn.Module):
    """The notebook's network; its last state is h_n, which has the last output's bits."""

    def __init__(
        self,
        join: Callable[..., nn.Module],
        layer: nn.Module,
        rest: dict[str, Floats],
        *,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        # Copies: training moves them.
        table, weight, bias = (torch.tensor(rest[n], device="cpu") for n in rest)
        self.table = nn.Embedding.from_pretrained(table, freeze=False, sparse=sparse)
        self.encoder = join(self.table, layer)
        self.head = nn.Linear(WIDTH, 1)
        self.head.load_state_dict({"weight": weight, "bias": bias})

    def forward(self, tokens: Tensor) -> Tensor:
        _, state = self.encoder(tokens)
        h_n = state[0] if isinstance(state, tuple) else state
        logits: Tensor = self.head(h_n[-1])
        return logits.squeeze(1)


class Training:
    """A network, its optimiser and the batches that it trains on in turns.

    PyTorch's fused Adam is its fastest.
    """

    def __init__(self, network: Network, batches: Batches) -> None:
        self.network = network
        self.dtype = next(network.parameters()).dtype
        self.optimiser = self.make_optimiser([*network.parameters()])
        self.go_round(batches)

    @staticmethod
    def make_optimiser(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        """PyTorch's Adam, with the epsilon of Keras."""
        return torch.optim.Adam(parameters, lr=1e-3, eps=1e-7, fused=True)

    def timed(self, repeats: int) -> float:
        """Time so many steps, in seconds."""
        return timed(self)(repeats)

    def go_round(self, batches: Batches) -> None:
        """Take these batches from now on, from the first."""
        # Time-major, as both layers are.
        tokens = torch.from_numpy(batches.tokens).transpose(1, 2).contiguous()
        labels = torch.from_numpy(batches.labels).to(self.dtype)
        self.batches = [*zip(tokens, labels, strict=True)]
        self.next: Callable[[], Any] = itertools.cycle(self.batches).__next__

    def __call__(self) -> Tensor:
        loss = self._loss(*self.next())
        loss.backward()
        self.optimiser.step()
        return loss

    def outputs(self) -> Arrays:
        """Loss and gradients of the first batch, before any step.

        Where embedding and layer are apart, also the gradient of what the layer reads, (T, N, I).
        """
        with _embedded(self.network) as read:
            loss = self._loss(*self.batches[0])
        loss.backward()
        return {
            "loss": loss.detach().numpy(),
            **{name: _dense(tensor.grad) for name, tensor in read.items()},
            **{
                GRADIENT + _plain_name(name): _dense(parameter.grad)
                for name, parameter in self.network.named_parameters()
            },
        }

    def _loss(self, tokens: Tensor, labels: Tensor) -> Tensor:
        self.optimiser.zero_grad()
        logits: Tensor = self.network(tokens)
        # PyTorch's binary_cross_entropy_with_logits wakes OpenMP's threads for these 32 numbers,
        # and for a millisecond or two they spin on the cores that backward needs.
        return (nn.functional.softplus(logits) - labels * logits).mean()


class ByRows(Training):
    """With tidegate's Adam, for which the embedding's rows are caught up before they are read."""

    optimiser: Adam
    is_steady = False

    @staticmethod
    def make_optimiser(parameters: list[nn.Parameter]) -> Adam:
        """The same formula and numbers as PyTorch's."""
        return Adam(parameters, lr=1e-3, eps=1e-7)

    def timed(self, repeats: int) -> float:
        """As the base's, once every row that occurs is as far behind as in a long training."""
        if not self.is_steady:
            for _ in self.batches:
                self()
            self.is_steady = True
        return super().timed(repeats)

    def outputs(self) -> Arrays:
        """How far the parameters are from PyTorch's after some steps, beside what all give."""
        arrays = dict(super().outputs())
        twins = [nn.Parameter(p.detach().clone()) for p in self.network.parameters()]
        theirs = Training.make_optimiser(twins)
        for batch in itertools.islice(itertools.cycle(self.batches), CHECKED_STEPS):
            self._loss(*batch).backward()
            for twin, parameter in zip(twins, self.network.parameters(), strict=True):
                twin.grad = torch.from_numpy(_dense(parameter.grad)).clone()
            self.optimiser.step()
            theirs.step()
        self.optimiser.catch_up()
        pairs = zip(self.network.parameters(), twins, strict=True)
        arrays[OFF_PYTORCHS] = np.array(
            [((p - twin).abs().max() / twin.abs().max()).item() for p, twin in pairs]
        )
        return arrays

    def _loss(self, tokens: Tensor, labels: Tensor) -> Tensor:
        self.optimiser.catch_up(self.network.table.weight, tokens.view(-1))
        return super()._loss(tokens, labels)


@contextmanager
def _embedded(network: Network) -> Iterator[dict[str, Tensor]]:
    """The embedding's output in calls made within, by its gradient's name; none if fused."""
    gradients: dict[str, Tensor] = {}

    def keep(module: nn.Module, args: Any, output: Tensor) -> None:
        output.retain_grad()
        gradients[INPUT_GRADIENT] = output

    if not isinstance(network.encoder, _Apart):
        yield gradients
        return
    hook = network.table.register_forward_hook(keep)
    try:
        yield gradients
    finally:
        hook.remove()


def _plain_name(name: str) -> str:
    """A parameter's name as every peer has it."""
    if name == "table.weight":
        return "embedding"
    return name.removeprefix("encoder.recurrent.").replace(".", "_")


def _dense(gradient: Tensor | None) -> Any:
    if gradient is None:
        return np.empty(0)
    return (gradient.to_dense() if gradient.is_sparse else gradient).numpy()
