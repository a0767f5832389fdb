"""The moving average of the weights, by its equation."""

import numpy as np
import torch

from tidegate.training import average
from tidegate.training.average import Average
from tidegate.training.classification import fit, predict
from training_samples import PLAIN, Listener, examples, make, silent


def test_updates_follow_the_equation():
    model = torch.nn.Linear(3, 2).double()
    found = Average(model, decay=0.99)
    expected = model.weight.detach().numpy().copy()
    draws = np.random.default_rng(0)
    for number in range(30):
        now = draws.normal(size=(2, 3))
        with torch.no_grad():
            model.weight.copy_(torch.from_numpy(now))
        decay = min(0.99**average.EVERY, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * now
        found.update(model)
        np.testing.assert_allclose(found.of(model)["weight"].numpy(), expected, rtol=1e-12)
    # The first updates forget faster than the last.
    assert 1 / 10 < 0.99**average.EVERY < 30 / 39 + 0.1


def test_it_is_due_every_so_many_steps():
    found = Average(torch.nn.Linear(1, 1), 0.9)
    due = [step for step in range(1, 61) if found.is_due(step)]
    assert due == [average.EVERY, 2 * average.EVERY, 3 * average.EVERY]


def test_a_short_training_ends_with_its_weights(monkeypatch):
    """With no update there is no average, and not the initial values in its place."""
    data = examples(24)
    outputs = []
    for decay in (0.0, 0.9):
        recipe = PLAIN.with_values({"ema_decay": decay})
        model = make("gru", recipe)
        fit(model, recipe, data, data, seed=0, callback=silent)
        outputs.append(predict(model, data)[0])
    np.testing.assert_array_equal(*outputs)


def test_the_average_is_validated_and_kept_and_the_weights_go_on(monkeypatch):
    monkeypatch.setattr(average, "EVERY", 1)
    data, recipe = examples(24), PLAIN.with_values({"ema_decay": 0.9, "learning_rate": 0.02})
    weights, seen = [], []

    class Watching(Listener):
        def step_ends(self, step):
            weights.append(model.head.weight.detach().clone())

        def epoch_ends(self, epoch):
            seen.append(epoch.validation_loss)
            assert torch.equal(model.head.weight, weights[-1])

    model = make("gru", recipe)
    expected = model.head.weight.detach().clone()
    fit(model, recipe, data, data, seed=0, callback=Watching())
    for number, weight in enumerate(weights):
        decay = min(0.9, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * weight
    torch.testing.assert_close(model.head.weight, expected)
    logits = predict(model, data)[0][:, 0]
    targets = data.targets
    last = np.mean(np.logaddexp(0, logits) - targets * logits)
    np.testing.assert_allclose(last, seen[-1], rtol=1e-12)
