"""The notebook's whole training step: embedding, layer, Dense(1), loss, backward, Adam."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tidegate.bench import remote
from tidegate.bench.agreement import GRADIENT, Arrays
from tidegate.bench.measure import timed
from tidegate.bench.problem import Floats, LayerProblem, generator
from tidegate.bench.remote import ONNX, Workers
from tidegate.bench.runner import Case, Name, Task
from tidegate.bench.texts import BATCH_SIZE, LENGTH, VOCABULARY_SIZE, Batches
from tidegate.bench.torch_layers import PYTORCH, TIDEGATE, tidegate_layer, torch_layer
from tidegate.nn import TextEncoder

WIDTH = 128
"""Of the embedding and of the layer."""


def case(cells: Sequence[str], batches: Batches, workers: Workers) -> Case:
    """All cells and all peers in one run, so that cells can be compared as well."""
    peers = [peer for peer in workers.present if peer != ONNX]
    ratios: list[tuple[Name, Name]] = [
        ((cell, peer), (cell, TIDEGATE)) for cell in cells for peer in (PYTORCH, *peers)
    ]
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
        network = _Network(_Apart, torch_layer(problem), rest).double()
        return Training(network, batches).outputs()

    tasks = []
    for peer in (TIDEGATE, PYTORCH):
        step = training(cell, peer, batches)
        tasks.append(Task(cell, peer, timed(step), step.outputs, expected, problem.gflop(True)))
    arrays = {"tokens": batches.tokens, "labels": batches.labels, **rest}
    for peer in peers:
        tasks.append(
            remote.notebook_task(
                workers.present[peer], cell, arrays, problem.weights, expected, problem.gflop(True)
            )
        )
    return tasks


def training(cell: str, peer: str, batches: Batches) -> "Training":
    """The step of one of this process's peers."""
    problem = LayerProblem(cell, BATCH_SIZE, LENGTH, WIDTH, WIDTH)
    if peer == TIDEGATE:
        network = _Network(TextEncoder, tidegate_layer(problem), _weights_around())
    else:
        network = _Network(_Apart, torch_layer(problem), _weights_around())
    return Training(network, batches)


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


class _Network(nn.Module):
    """The notebook's, its last state read from h_n: of the same bits as the last output."""

    def __init__(
        self, join: Callable[..., nn.Module], layer: nn.Module, rest: dict[str, Floats]
    ) -> None:
        super().__init__()
        # Copies: training moves them.
        table, weight, bias = (torch.tensor(rest[n]) for n in rest)
        self.encoder = join(nn.Embedding.from_pretrained(table, freeze=False), layer)
        self.head = nn.Linear(WIDTH, 1)
        self.head.load_state_dict({"weight": weight, "bias": bias})

    def forward(self, tokens: Tensor) -> Tensor:
        _, state = self.encoder(tokens)
        h_n = state[0] if isinstance(state, tuple) else state
        logits: Tensor = self.head(h_n[-1])
        return logits.squeeze(1)


class Training:
    """A network, its optimiser and the batches that it goes round.

    PyTorch's fused Adam is its fastest; both peers of this process use it.
    """

    def __init__(self, network: nn.Module, batches: Batches) -> None:
        self.network = network
        self.dtype = next(network.parameters()).dtype
        self.optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, eps=1e-7, fused=True)
        self.go_round(batches)

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
        """Loss and gradients of the first batch, before any step."""
        loss = self._loss(*self.batches[0])
        loss.backward()
        return {
            "loss": loss.detach().numpy(),
            **{
                GRADIENT + _plain_name(name): _dense(parameter.grad)
                for name, parameter in self.network.named_parameters()
            },
        }

    def _loss(self, tokens: Tensor, labels: Tensor) -> Tensor:
        self.optimiser.zero_grad()
        logits = self.network(tokens)
        return nn.functional.binary_cross_entropy_with_logits(logits, labels)


def _plain_name(name: str) -> str:
    """A parameter's name as every peer has it."""
    if name == "encoder.embedding.weight":
        return "embedding"
    return name.removeprefix("encoder.recurrent.").replace(".", "_")


def _dense(gradient: Tensor | None) -> Any:
    if gradient is None:
        return np.empty(0)
    return (gradient.to_dense() if gradient.is_sparse else gradient).numpy()
