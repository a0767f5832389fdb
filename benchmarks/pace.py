"""How much of the engine's own speed a training keeps: the real loop against what it computes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from unittest import mock

import click
import torch

import tidegate
from tidegate import engine
from tidegate.data import sources
from tidegate.data.examples import Examples
from tidegate.data.prepared import PreparedData, prepare
from tidegate.machine import available_cpus
from tidegate.model.classifier import SequenceClassifier
from tidegate.model.inputs import Inputs
from tidegate.model.masks import Masks
from tidegate.training import network, optimisers
from tidegate.training.classification import fit
from tidegate.training.events import EpochBegins, Event
from tidegate.training.history import Step
from tidegate.training.recipe import NAMES, Recipe, load
from tidegate.training.step import step


@click.command()
@click.option("--recipes", default="notebook,fast,default", show_default=True)
@click.option("--cell", default="gru", show_default=True)
@click.option("--threads", type=int, help="[default: all processors]")
@click.option("--batches", default=60, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def main(recipes: str, cell: str, threads: int | None, batches: int, rounds: int) -> None:
    """Time the same batches three ways, in turns: medians of the rounds.

    In the real loop (`fit`: batches made, rates, dropout, forward, backward, optimiser, counting),
    of which the calls of the engine are timed as well (layers, pooling, masks, Adam, clipping); as
    steps on inputs that stand ready; and as the recurrent layers' forward and backward alone, as
    often as a step runs them (twice where it is adversarial).
    """
    threads = threads or available_cpus()
    torch.set_num_threads(threads)
    tidegate.set_num_threads(threads)
    texts = sources.load("imdb")
    click.echo(
        "| recipe | loop, 1,000 tokens/s | of the steps' | in the engine | of the layers' |\n"
        "|---|---|---|---|---|"
    )
    for name in recipes.split(","):
        if name not in NAMES:
            raise click.UsageError(f"expected recipes of {', '.join(NAMES)}, got {name!r}")
        recipe = load(name).with_values({"training.epochs": 1})
        data = prepare(
            texts, recipe.text_options(), validation_share=recipe.training.validation_share
        )
        train = data.train.take(slice(0, batches * recipe.training.batch_size))
        case = _Case(recipe, cell, data, train)
        times = [(*case.loop(), case.steps(), case.layers()) for _ in range(rounds + 1)][1:]
        loop, *parts = (median(column) for column in zip(*times, strict=True))
        shares = " | ".join(f"{part / loop:.0%}" for part in (parts[1], parts[0], parts[2]))
        click.echo(f"| {name} | {case.num_tokens / loop / 1e3:.0f} | {shares} |")


@dataclass
class _Case:
    """A recipe and the batches of its first epoch."""

    recipe: Recipe
    cell: str
    data: PreparedData
    train: Examples

    @property
    def num_tokens(self) -> int:
        return len(self.train.token_ids.values)

    def loop(self) -> tuple[float, float]:
        """The seconds of an epoch's steps in the real loop, and of the engine's calls in them."""
        model = self._model()
        few = self.data.validation.take(slice(0, 8))
        with _engine_clock() as seconds:
            callback = _Clock(seconds)
            fit(model, self.recipe, self.train, few, seed=0, callback=callback)
        return callback.seconds, callback.of_engine

    def steps(self) -> float:
        """The seconds of the same steps on inputs that stand ready."""
        model = self._model()
        optimiser = optimisers.make(model, self.recipe.training)
        batches = self._batches()
        model.train()
        begin = time.perf_counter()
        for number, (inputs, targets) in enumerate(batches):
            step(model, optimiser, self.recipe.training, inputs, targets, Masks(0, number))
        return time.perf_counter() - begin

    def layers(self) -> float:
        """The seconds of the layers' forward and backward, over vectors that stand ready."""
        model, seconds = self._model(), 0.0
        for inputs, _ in self._batches():
            assert inputs.words is not None
            if model.reads_ids:
                values, slots = model._rows(inputs.words, None), inputs.words.slots
            else:
                values, slots = model.embed(inputs), None
            values = values.detach().requires_grad_()
            begin = time.perf_counter()
            for _ in range(2 if self.recipe.training.adversarial_norm else 1):
                states, _ = model.recurrent(values, inputs.offsets, slots=slots)
                states.backward(torch.ones_like(states))
            seconds += time.perf_counter() - begin
        return seconds

    def _model(self) -> SequenceClassifier:
        bigrams = self.data.bigrams
        return network.make(
            self.cell,
            self.recipe,
            0,
            vocabulary_size=len(self.data.vocabulary),
            bigram_vocabulary_size=0 if bigrams is None else len(bigrams),
        )

    def _batches(self) -> list[tuple[Inputs, torch.Tensor]]:
        found = []
        for rows in self.train.epoch(self.recipe.training.batch_size, 0, 1):
            arrays, targets = self.train.batch(rows)
            found.append((Inputs.of_arrays(arrays), torch.from_numpy(targets)))
        return found


class _Clock:
    """Watches from the first step of an epoch to its last."""

    def __init__(self, engine_seconds: list[float]) -> None:
        self.begin = self.seconds = self.of_engine = 0.0
        self.engine_seconds = engine_seconds

    def __call__(self, event: Event) -> None:
        if isinstance(event, EpochBegins):
            self.engine_seconds[:] = [0.0]
            self.begin = time.perf_counter()
        elif isinstance(event, Step):
            self.seconds = time.perf_counter() - self.begin
            self.of_engine = self.engine_seconds[0]


ENGINE_CALLS = (
    "LayerPlan",
    "layer_forward",
    "layer_backward",
    "pool_rows",
    "unpool_rows",
    "keep_mask",
    "adam_dense",
    "sum_of_squares",
    "multiply",
)


@contextmanager
def _engine_clock() -> Iterator[list[float]]:
    """A list of one number, to which all calls of the engine add their seconds meanwhile."""
    seconds = [0.0]

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            try:
                return call(*args, **options)
            finally:
                seconds[0] += time.perf_counter() - begin

        return run

    class Table:
        """An ``engine.AdamTable`` whose calls are timed."""

        def __init__(self, **options: Any) -> None:
            self.table = plain(**options)

        def __getattr__(self, name: str) -> Any:
            return timed(getattr(self.table, name))

    plain = engine.AdamTable
    calls = {name: timed(getattr(engine, name)) for name in ENGINE_CALLS}
    with mock.patch.multiple(engine, AdamTable=Table, **calls):
        yield seconds


if __name__ == "__main__":
    main()
