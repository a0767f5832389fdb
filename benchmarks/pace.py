"""How much of the engine's own speed a training reaches: the real loop against its layers alone."""

import time
from statistics import median

import click
import numpy as np
import torch

import tidegate
from tidegate.data import imdb
from tidegate.data.prepared import prepare
from tidegate.machine import available_cpus
from tidegate.model.classifier import SequenceClassifier
from tidegate.model.inputs import Inputs
from tidegate.model.masks import Masks
from tidegate.training import network, optimisers
from tidegate.training.recipe import NAMES, load
from tidegate.training.step import step


@click.command()
@click.option("--recipes", default="fast,default", show_default=True)
@click.option("--cell", default="gru", show_default=True)
@click.option("--threads", type=int, help="[default: all processors]")
@click.option("--batches", default=60, show_default=True)
def main(recipes: str, cell: str, threads: int | None, batches: int) -> None:
    """Time whole steps (batch, dropout, loss, optimiser and all) and the recurrence in them.

    Both on the same batches, in turns; the recurrence is the layers' forward and backward over
    input that stands ready, as often as the step runs it (twice where it is adversarial).
    """
    threads = threads or available_cpus()
    torch.set_num_threads(threads)
    tidegate.set_num_threads(threads)
    texts = imdb.load()
    click.echo("| recipe | whole step, ms | recurrence, ms | share | 1,000 tokens/s |")
    click.echo("|---|---|---|---|---|")
    for name in recipes.split(","):
        if name not in NAMES:
            raise click.UsageError(f"expected recipes of {', '.join(NAMES)}, got {name!r}")
        recipe = load(name)
        data = prepare(texts, recipe.preparation())
        model = network.make(
            cell,
            recipe,
            0,
            vocabulary_size=len(data.vocabulary),
            bigram_vocabulary_size=0 if data.bigrams is None else len(data.bigrams),
        )
        optimiser = optimisers.make(model, recipe)
        model.train()
        whole, recurrence, tokens = [], [], 0
        for number, rows in enumerate(data.train.epoch(recipe.batch_size, 0, 1)[:batches]):
            begin = time.perf_counter()
            words, bigrams, targets = data.train.batch(rows)
            inputs = Inputs.of(words, bigrams)
            masks = Masks(0, number)
            step(model, optimiser, recipe, inputs, torch.from_numpy(targets), masks)
            whole.append(time.perf_counter() - begin)
            recurrence.append(_recurrence(model, inputs, 2 if recipe.adversarial_norm else 1))
            tokens += len(words.ids)
        share = median(np.array(recurrence[5:]) / np.array(whole[5:]))
        click.echo(
            f"| {name} | {1e3 * median(whole[5:]):.1f} | {1e3 * median(recurrence[5:]):.1f} | "
            f"{share:.2f} | {tokens / sum(whole) / 1e3:.0f} |"
        )


def _recurrence(model: SequenceClassifier, inputs: Inputs, times: int) -> float:
    """The seconds of the layers' forward and backward, by themselves."""
    assert inputs.words is not None
    if model.reads_ids:
        values = model._rows(inputs.words, None).detach().requires_grad_()
        slots = inputs.words.slots
    else:
        values, slots = model.embed(inputs).detach().requires_grad_(), None
    begin = time.perf_counter()
    for _ in range(times):
        states, _ = model.recurrent(values, inputs.offsets, slots=slots)
        states.backward(torch.ones_like(states))
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
