"""How much of the engine's own speed a training keeps: the real loop against what it computes."""

import time
from dataclasses import dataclass
from statistics import median

import click
import torch

import tidegate
from tidegate.data import imdb
from tidegate.data.examples import Examples
from tidegate.data.prepared import PreparedData, prepare
from tidegate.machine import available_cpus
from tidegate.model.classifier import SequenceClassifier
from tidegate.model.inputs import Inputs
from tidegate.model.masks import Masks
from tidegate.training import network, optimisers
from tidegate.training.history import Epoch, Step
from tidegate.training.loop import fit
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

    In the real loop (`fit`: batches made, rates, dropout, forward, backward, optimiser, counting);
    as steps on inputs that stand ready; and as the recurrent layers' forward and backward alone, as
    often as a step runs them (twice where it is adversarial).
    """
    threads = threads or available_cpus()
    torch.set_num_threads(threads)
    tidegate.set_num_threads(threads)
    texts = imdb.load()
    click.echo(
        "| recipe | loop, 1,000 tokens/s | of the steps' speed | of the recurrence's |\n"
        "|---|---|---|---|"
    )
    for name in recipes.split(","):
        if name not in NAMES:
            raise click.UsageError(f"expected recipes of {', '.join(NAMES)}, got {name!r}")
        recipe = load(name).with_values({"epochs": 1})
        data = prepare(texts, recipe.preparation())
        train = data.train.take(slice(0, batches * recipe.batch_size))
        case = _Case(recipe, cell, data, train)
        times = [(case.loop(), case.steps(), case.recurrence()) for _ in range(rounds + 1)][1:]
        loop, steps, recurrence = (median(column) for column in zip(*times, strict=True))
        pace = case.num_tokens / loop / 1e3
        click.echo(f"| {name} | {pace:.0f} | {steps / loop:.0%} | {recurrence / loop:.0%} |")


@dataclass
class _Case:
    """A recipe and the batches of its first epoch."""

    recipe: Recipe
    cell: str
    data: PreparedData
    train: Examples

    @property
    def num_tokens(self) -> int:
        return len(self.train.words.values)

    def loop(self) -> float:
        """The seconds of an epoch's steps in the real loop."""
        model, watcher = self._model(), _Clock()
        few = self.data.validation.take(slice(0, 8))
        fit(model, self.recipe, self.train, few, seed=0, watcher=watcher)
        return watcher.seconds

    def steps(self) -> float:
        """The seconds of the same steps on inputs that stand ready."""
        model = self._model()
        optimiser = optimisers.make(model, self.recipe)
        batches = self._batches()
        model.train()
        begin = time.perf_counter()
        for number, (inputs, targets) in enumerate(batches):
            step(model, optimiser, self.recipe, inputs, targets, Masks(0, number))
        return time.perf_counter() - begin

    def recurrence(self) -> float:
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
            for _ in range(2 if self.recipe.adversarial_norm else 1):
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
        for rows in self.train.epoch(self.recipe.batch_size, 0, 1):
            words, bigrams, targets = self.train.batch(rows)
            found.append((Inputs.of(words, bigrams), torch.from_numpy(targets)))
        return found


class _Clock:
    """Watches from the first step of an epoch to its last."""

    def __init__(self) -> None:
        self.begin = self.seconds = 0.0

    def training_begins(self, step: int) -> None: ...

    def epoch_begins(self, epoch: int, num_steps: int, done: int) -> None:
        self.begin = time.perf_counter()

    def step_ends(self, step: Step) -> None:
        self.seconds = time.perf_counter() - self.begin

    def epoch_ends(self, epoch: Epoch) -> None: ...

    def notice(self, text: str) -> None: ...


if __name__ == "__main__":
    main()
