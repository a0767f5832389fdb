"""Initial values, optimiser, loop and measures, against what Keras' rules give."""

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tidegate.cells import CELLS
from tidegate.model import cells
from tidegate.model.classifier import SequenceClassifier
from tidegate.model.initialise import like_keras
from tidegate.optim import KerasAdam
from tidegate.training import network
from tidegate.training.classification import fit, measure, predict
from tidegate.training.diverged import DivergedError, is_absurd
from tidegate.training.recipe import load
from training_samples import PLAIN, Listener, accuracy, cross_entropy, examples, silent

GOLDEN = Path(__file__).parents[1] / "golden"
RECIPE = load("notebook").with_values(
    {
        "vocabulary_size": 30,
        "max_length": 8,
        "embedding_dim": 6,
        "hidden_size": 5,
        "training.epochs": 2,
    }
)


def rates(value):
    """One learning rate for all parameters."""
    return {"training.learning_rate": value, "embedding_learning_rate": value}


def make(cell, seed=0, **sizes):
    values = {"vocabulary_size": 30, "embedding_dim": 6, "hidden_size": 5} | sizes
    model = SequenceClassifier(cell, **values, by_place=True)
    like_keras(model, seed)
    return model


def layer(model):
    return model.recurrent.layers[0]


def test_the_layers_are_the_named_cells():
    assert list(cells.LAYERS) == list(CELLS)


def test_parameters_are_counted_as_keras_counts_them():
    """At 128 features and units, from Keras' own summaries of the four layers."""
    expected = {"rnn": 32_896, "lstm": 131_584, "gru": 99_072, "gru-before": 98_688}
    for cell, number in expected.items():
        model = make(cell, vocabulary_size=10_000, embedding_dim=128, hidden_size=128)
        name, shape, found = model.summary(200)[1]
        assert (shape, found) == ([None, 128], number), name
        assert [line[2] for line in model.summary(200)] == [1_280_000, number, 129]


@pytest.mark.parametrize("cell", CELLS)
def test_initial_values_are_keras(cell):
    model = make(cell, vocabulary_size=200, embedding_dim=24, hidden_size=16)
    gates = layer(model).weight_ih_l0.shape[0] // 16

    def is_uniform(values, bound):
        # The largest of so many draws comes near the bound, and their mean square is bound^2 / 3.
        assert bound * 0.95 < values.abs().max() <= bound
        assert values.square().mean().item() == pytest.approx(bound**2 / 3, rel=0.15)

    is_uniform(model.embedding.weight, 0.05)
    is_uniform(layer(model).weight_ih_l0, math.sqrt(6 / (24 + gates * 16)))
    recurrent = layer(model).weight_hh_l0
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(16), rtol=0, atol=1e-5)
    assert model.head.weight.abs().max() <= math.sqrt(6 / 17)
    assert model.head.weight.abs().max() > 0.3
    bias = torch.zeros(gates * 16)
    if cell == "lstm":
        bias[16:32] = 1
    assert torch.equal(layer(model).bias_ih_l0, bias)
    assert not layer(model).bias_hh_l0.any()
    assert not model.head.bias.any()
    assert layer(model).bias_hh_l0.requires_grad == (cell == "gru")


def test_cells_of_one_seed_share_embedding_and_head_and_seeds_differ():
    lstm, gru, other = make("lstm"), make("gru"), make("gru", seed=1)
    assert torch.equal(lstm.embedding.weight, gru.embedding.weight)
    assert torch.equal(lstm.head.weight, gru.head.weight)
    assert not torch.equal(gru.embedding.weight, other.embedding.weight)


def test_adam_moves_as_keras_adam():
    """Keras: w -= lr * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon), in float64."""
    rng = np.random.default_rng(1)
    weight = rng.normal(size=5)
    parameter = nn.Parameter(torch.tensor(weight))
    optimiser = KerasAdam([parameter], eps=1e-7)
    m = v = np.zeros(5)
    for t in range(1, 20):
        # Of the size of epsilon, where it matters which of the two rules adds it.
        gradient = rng.normal(size=5) * 1e-7
        parameter.grad = torch.tensor(gradient)
        optimiser.step()
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        rate = 1e-3 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        weight = weight - rate * m / (np.sqrt(v) + 1e-7)
        np.testing.assert_allclose(parameter.detach().numpy(), weight, rtol=1e-12)


def test_embedding_moves_as_in_keras_on_tensorflow():
    """Tokens that stand in a batch more than once; ``golden/keras_adam.py`` made the values."""
    golden = json.loads((GOLDEN / "keras_adam.json").read_text(encoding="utf-8"))
    embedding = nn.Embedding.from_pretrained(
        torch.tensor(golden["start"]["embedding"]), freeze=False, sparse=True
    )
    head = nn.Parameter(torch.tensor(golden["start"]["head"]))
    optimiser = KerasAdam([embedding.weight, head])
    exact = {"rtol": 0, "atol": 5e-8}
    for step in golden["steps"]:
        optimiser.zero_grad()
        prediction = embedding(torch.tensor(golden["tokens"])).mean(1) @ head
        nn.functional.mse_loss(prediction, torch.tensor(golden["targets"])).backward()
        optimiser.step()
        torch.testing.assert_close(embedding.weight.data, torch.tensor(step["embedding"]), **exact)
        torch.testing.assert_close(head.data, torch.tensor(step["head"]), rtol=0, atol=3e-7)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_learns_and_the_same_seed_gives_the_same_bits(cell):
    train, validation = examples(), examples(20)
    recipe = RECIPE.with_values(rates(0.02) | {"training.epochs": 8})

    def trained(seed):
        model = make(cell, seed)
        return model, fit(model, recipe, train, validation, seed=seed, callback=silent)

    (first, progress), (second, again), (other, _) = (trained(seed) for seed in (0, 0, 1))
    assert progress.epochs[-1].score > 0.85 > progress.epochs[0].score
    assert len(progress.step_ms) == progress.step == 8 * 2
    for parameter, parameter_again in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(parameter, parameter_again)
    assert not torch.equal(first.embedding.weight, other.embedding.weight)
    for one, two in zip(progress.epochs, again.epochs, strict=True):
        assert dataclasses.replace(one, training_s=0, step_ms=0) == dataclasses.replace(
            two, training_s=0, step_ms=0
        )


def test_an_epoch_reports_the_mean_over_its_examples():
    """With no learning, the running means are those of one pass over the data."""
    recipe = RECIPE.with_values(rates(0) | {"training.epochs": 1})
    train = examples(45)  # a full batch and a part of one
    model = make("gru")
    logits = predict(model, train)[0][:, 0]
    (epoch,) = fit(model, recipe, train, train, seed=0, callback=silent).epochs
    assert epoch.loss == pytest.approx(cross_entropy(logits, train.targets), rel=1e-6)
    assert epoch.score == accuracy(logits, train.targets) == epoch.validation_score
    assert epoch.validation_loss == pytest.approx(epoch.loss, rel=1e-6)


def test_predictions_stand_where_their_examples_do():
    model, data = make("gru"), examples(40)
    together, batch_ms = predict(model, data, 7)
    assert len(batch_ms) == 6
    for place in range(len(data)):
        alone, _ = predict(model, data.take(slice(place, place + 1)))
        np.testing.assert_allclose(together[place], alone[0], rtol=1e-6)


class Losses(Listener):
    """Remembers what it is told."""

    def __init__(self):
        self.epochs, self.steps = [], []

    def step_ends(self, step):
        self.steps.append(step)

    def epoch_ends(self, epoch):
        self.epochs.append(epoch)


OVERFITTING = rates(0.05) | {"training.epochs": 12}


def test_patience_ends_a_training_and_the_best_epoch_is_kept():
    train, validation = examples(24), examples(24, seed=8)
    recipe = PLAIN.with_values(OVERFITTING)
    whole = Losses()
    model = network.make("gru", recipe, 0, vocabulary_size=30)
    fit(model, recipe, train, validation, seed=0, callback=whole)
    losses = [epoch.validation_loss for epoch in whole.epochs]
    assert len(losses) == 12
    best = int(np.argmin(losses))
    stale = next(
        number
        for number in range(len(losses))
        if number - int(np.argmin(losses[: number + 1])) >= 2
    )
    assert best < stale < 11  # otherwise there is nothing to see
    patient = Losses()
    model = network.make("gru", recipe, 0, vocabulary_size=30)
    recipe = recipe.with_values({"patience": 2, "keep": "best"})
    progress = fit(model, recipe, train, validation, seed=0, callback=patient)
    assert [epoch.validation_loss for epoch in patient.epochs] == losses[: stale + 1]
    kept = int(np.argmin(losses[: stale + 1]))
    assert progress.best_epoch == kept + 1
    found, _ = measure(model, predict(model, validation)[0], validation.targets)
    assert found == progress.best_loss == losses[kept]


def test_a_step_tells_its_own_figures_and_the_means_of_the_epoch():
    train, callback = examples(24), Losses()
    recipe = PLAIN.with_values(rates(0) | {"training.epochs": 2})
    model = network.make("gru", recipe, 0, vocabulary_size=30)
    logits = predict(model, train)[0][:, 0]
    fit(model, recipe, train, train, seed=0, callback=callback)
    assert [step.step for step in callback.steps] == [*range(1, 7)]
    assert sum(step.num_tokens for step in callback.steps) == 2 * len(train.token_ids.values)
    for first, rows in ((0, train.epoch(8, 0, 1)), (3, train.epoch(8, 0, 2))):
        seen = []
        for step, row in zip(callback.steps[first : first + 3], rows, strict=True):
            seen.extend(row)
            assert step.loss == pytest.approx(cross_entropy(logits[row], train.targets[row]))
            assert step.score == accuracy(logits[row], train.targets[row])
            expected = cross_entropy(logits[seen], train.targets[seen])
            assert step.mean_loss == pytest.approx(expected)
            assert step.mean_score == pytest.approx(accuracy(logits[seen], train.targets[seen]))


def test_the_second_bias_is_trained_where_keras_has_it():
    train = examples()
    for cell in CELLS:
        model = make(cell)
        fit(model, RECIPE, train, train, seed=0, callback=silent)
        assert bool(layer(model).bias_hh_l0.any()) == (cell == "gru"), cell


def diverging(change, **values):
    model = make("rnn")
    with torch.no_grad():
        change(model)
    recipe = RECIPE.with_values({"training.epochs": 1} | values)
    with pytest.raises(DivergedError) as error:
        fit(model, recipe, examples(), examples(), seed=0, callback=silent)
    return str(error.value)


def test_a_loss_that_is_not_finite_stops_the_training():
    message = diverging(lambda model: model.head.bias.fill_(math.nan))
    rows = examples().epoch(32, 0, 1)[0][:8]
    assert message == (
        "epoch 1, step 1: expected a finite loss, got nan on batch 1 of the epoch, training "
        f"examples {', '.join(map(str, rows))}, ...; the largest gradient is inf, of "
        "embedding.weight. Try a lower learning rate (--set training.learning_rate=0.0005) or "
        "shorter gradients (--set training.clip_norm=1) in a new run"
    )


def test_a_validation_loss_beyond_all_measure_stops_the_training():
    message = diverging(lambda model: None, batch_size=64, **{"training.learning_rate": 1000})
    assert message.startswith(
        "epoch 1, step 1: expected a validation loss not far above 0.693, that of a "
        "constant answer, got "
    )


@pytest.mark.parametrize(
    ("loss", "constant", "expected"),
    [
        (math.nan, 0.5, True),
        (math.inf, 0.5, True),
        (50.1, 0.5, True),
        (49.9, 0.5, False),
        (0.0, 0.5, False),
        (10.0, 0.0, False),  # a regression whose targets are all 0 has no measure
    ],
)
def test_a_loss_is_absurd_above_a_hundred_constant_answers(loss, constant, expected):
    assert is_absurd(loss, constant) == expected


def test_an_unknown_cell_is_refused():
    with pytest.raises(ValueError, match="expected a cell of .*'gru-before'.*got 'gro'"):
        SequenceClassifier("gro", vocabulary_size=30, embedding_dim=6, hidden_size=5)


def test_a_corpus_larger_than_memory_is_trained_on_from_disk(tmp_path):
    """80 MB of ids with 48 MB to work in: and it learns what the texts differ in."""
    script = Path(__file__).parents[1] / "training_in_little_memory.py"
    outcome = subprocess.run(
        [sys.executable, script, tmp_path], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    found = json.loads(outcome.stdout)
    assert found["corpus_bytes"] > found["allowed_bytes"]
    assert found["whole"] == "MemoryError"
    assert np.mean(found["losses"][:10]) > 0.6
    assert np.mean(found["losses"][-10:]) < 0.3
