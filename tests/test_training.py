"""Initial values, optimiser, loop and measures, against what Keras' rules give."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tidegate.cells import CELLS
from tidegate.evaluation.binary import accuracy, cross_entropy, probabilities
from tidegate.model import cells
from tidegate.model.classifier import SequenceClassifier
from tidegate.model.initialise import like_keras
from tidegate.training.loop import DivergedError, fit, predict
from tidegate.training.optimiser import KerasAdam
from tidegate.training.recipe import NOTEBOOK

GOLDEN = Path(__file__).parent / "golden"
RECIPE = dataclasses.replace(
    NOTEBOOK, vocabulary_size=30, max_length=8, embedding_dim=6, hidden_size=5, epochs=2
)


class Silent:
    """Hears everything and says nothing."""

    def epoch_begins(self, epoch, num_steps): ...
    def step_ends(self, loss, accuracy, step_ms): ...
    def epoch_ends(self, epoch): ...


def make(cell, seed=0, **sizes):
    values = {"vocabulary_size": 30, "embedding_dim": 6, "hidden_size": 5} | sizes
    model = SequenceClassifier(cell, **values)
    like_keras(model, seed)
    return model


def examples(count=60):
    """Sequences that are positive when they hold more high ids than low ones."""
    tokens = np.random.default_rng(7).integers(1, 30, size=(count, 8))
    return tokens, (np.mean(tokens, axis=1) > 15).astype(np.int64)


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
    gates = model.recurrent.weight_ih_l0.shape[0] // 16

    def is_uniform(values, bound):
        # The largest of so many draws comes near the bound, and their mean square is bound^2 / 3.
        assert bound * 0.95 < values.abs().max() <= bound
        assert values.square().mean().item() == pytest.approx(bound**2 / 3, rel=0.15)

    is_uniform(model.embedding.weight, 0.05)
    is_uniform(model.recurrent.weight_ih_l0, math.sqrt(6 / (24 + gates * 16)))
    recurrent = model.recurrent.weight_hh_l0
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(16), rtol=0, atol=1e-5)
    assert model.head.weight.abs().max() <= math.sqrt(6 / 17)
    assert model.head.weight.abs().max() > 0.3
    bias = torch.zeros(gates * 16)
    if cell == "lstm":
        bias[16:32] = 1
    assert torch.equal(model.recurrent.bias_ih_l0, bias)
    assert not model.recurrent.bias_hh_l0.any()
    assert not model.head.bias.any()
    assert model.recurrent.bias_hh_l0.requires_grad == (cell == "gru")


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
    optimiser = KerasAdam([parameter], epsilon=1e-7)
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
    for step in golden["steps"]:
        optimiser.zero_grad()
        prediction = embedding(torch.tensor(golden["tokens"])).mean(1) @ head
        nn.functional.mse_loss(prediction, torch.tensor(golden["targets"])).backward()
        optimiser.step()
        torch.testing.assert_close(embedding.weight.data, torch.tensor(step["embedding"]))
        torch.testing.assert_close(head.data, torch.tensor(step["head"]))


def test_measures_by_hand():
    logits, labels = np.array([0.0, 2.0, -1.0, 800.0]), np.array([1, 1, 1, 0])
    assert accuracy(logits, labels) == 0.25  # a logit of 0 is on neither side: negative
    expected = (math.log(2) + math.log1p(math.exp(-2)) + math.log1p(math.e) + 800) / 4
    assert cross_entropy(logits, labels) == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(probabilities(logits)[:3], [0.5, 0.880797077978, 0.268941421370])
    assert probabilities(np.array([-800.0, 800.0])).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_learns_and_the_same_seed_gives_the_same_bits(cell):
    train, validation = examples(), examples(20)
    recipe = dataclasses.replace(RECIPE, learning_rate=0.02, epochs=8)

    def trained(seed):
        model = make(cell, seed)
        history, step_ms = fit(model, recipe, train, validation, seed=seed, watcher=Silent())
        return model, history, step_ms

    (first, history, step_ms), (second, history_again, _), (other, *_) = (
        trained(seed) for seed in (0, 0, 1)
    )
    assert history[-1].accuracy > 0.85 > history[0].accuracy
    assert len(step_ms) == 8 * 2
    for parameter, again in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(parameter, again)
    assert not torch.equal(first.embedding.weight, other.embedding.weight)
    for one, two in zip(history, history_again, strict=True):
        assert dataclasses.replace(one, training_s=0, step_ms=0) == dataclasses.replace(
            two, training_s=0, step_ms=0
        )


def test_an_epoch_reports_the_mean_over_its_examples():
    """With no learning, the running means are those of one pass over the data."""
    recipe = dataclasses.replace(RECIPE, learning_rate=0.0, epochs=1)
    train = examples(45)  # a full batch and a part of one
    model = make("gru")
    logits, _ = predict(model, train[0], 32)
    history, _ = fit(model, recipe, train, train, seed=0, watcher=Silent())
    assert history[0].loss == pytest.approx(cross_entropy(logits, train[1]), rel=1e-6)
    assert history[0].accuracy == accuracy(logits, train[1]) == history[0].validation_accuracy
    assert history[0].validation_loss == pytest.approx(history[0].loss, rel=1e-6)


def test_the_second_bias_is_trained_where_keras_has_it():
    train = examples()
    for cell in CELLS:
        model = make(cell)
        fit(model, RECIPE, train, train, seed=0, watcher=Silent())
        assert bool(model.recurrent.bias_hh_l0.any()) == (cell == "gru"), cell


def test_a_loss_that_is_not_finite_stops_the_training():
    model = make("rnn")
    with torch.no_grad():
        model.head.bias.fill_(math.nan)
    with pytest.raises(DivergedError, match="epoch 1, step 1: expected a finite loss, got nan"):
        fit(model, RECIPE, examples(), examples(), seed=0, watcher=Silent())


def test_an_unknown_cell_is_refused():
    with pytest.raises(ValueError, match="expected a cell of .*'gru-before'.*got 'gro'"):
        SequenceClassifier("gro", vocabulary_size=30, embedding_dim=6, hidden_size=5)
