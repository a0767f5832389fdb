"""Self-training: what the second network learns, what the results keep, what is refused."""

import numpy as np
import pytest
import torch

from tidegate.data.dataset import Split, TextDataset
from tidegate.data.examples import Examples
from tidegate.data.prepared import prepare
from tidegate.data.ragged import Ragged
from tidegate.data.sources.imdb import TASK
from tidegate.errors import RecipeError
from tidegate.evaluation.blend import Blend
from tidegate.runs import job as jobs
from tidegate.runs import results as results_file
from tidegate.runs.experiment import Experiment
from tidegate.runs.run import run
from tidegate.training import linear
from tidegate.training.classification import predict
from training_samples import PLAIN, Listener

GOOD, BAD, OTHER = ("fine", "good", "great"), ("poor", "bad", "dull"), ("film", "plot", "scene")
RECIPE = PLAIN.with_values(
    {
        "bigram_vocabulary_size": 20,
        "validation_share": 0.25,
        "max_length": 6,
        "training.learning_rate": 0.02,
        "training.epochs": 2,
        "self_training.epochs": 3,
        "self_training.copies": 2,
        "linear_model.min_count": 1,
    }
)


class Callback(Listener):
    """Keeps what it is told of the networks."""

    def __init__(self):
        self.told, self.steps = [], []

    def step_ends(self, step):
        self.steps.append(step.step)

    def student_begins(self, event):
        self.told.append(event.texts)


def texts(count, seed):
    """Some words of either kind among words of neither."""
    draws = np.random.default_rng(seed)
    found = []
    for number in range(count):
        own = draws.choice(GOOD if number % 2 else BAD, 2).tolist()
        found.append(" ".join(draws.permutation([*own, *draws.choice(OTHER, 3)])))
    return found


def dataset():
    labels = np.arange(40) % 2
    train, test = Split(texts(32, 0), labels[:32]), Split(texts(8, 1), labels[:8])
    return TextDataset("toy", "nowhere", train, test, TASK)


class Fits:
    """Stands in for the training of networks: trains, and keeps what was asked of it."""

    def __init__(self, data):
        self.data, self.calls, self.models, self.answers = data, [], [], []
        self.fit = jobs.fit

    def __call__(self, model, recipe, train, validation, **options):
        start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        self.calls.append((start, recipe, train, validation))
        progress = self.fit(model, recipe, train, validation, **options)
        self.models.append(model)
        parts = ("unlabelled", "validation", "test")
        asked = [getattr(self.data, name) for name in parts if getattr(self.data, name) is not None]
        self.answers.append([predict(model, part)[0][:, 0] for part in asked])
        return progress


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Carry out an experiment of one network; the results, the fits and what was told."""

    def carry_out(values, unlabelled=True):
        recipe = RECIPE.with_values(values)
        chunks = [texts(6, 2), texts(4, 3)] if unlabelled else []
        data = prepare(
            dataset(),
            recipe.text_options(),
            validation_share=recipe.training.validation_share,
            unlabelled=chunks,
        )
        fits, callback = Fits(data), Callback()
        monkeypatch.setattr(jobs, "fit", fits)
        run(Experiment(recipe, ("gru",), (0,), 1), data, tmp_path, callback)
        return results_file.load(tmp_path), fits, callback

    return carry_out


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("order", [0, 2], ids=["alone", "with a linear model"])
def test_the_second_network_learns_labels_and_the_first_ones_answers(trained, monkeypatch, order):
    asked = []

    def fit_blend(logits, labels):
        asked.append((logits, labels))
        return Blend({"network": 0.5, "linear": 4.0}, {"network": 0.7, "linear": 0.3}, 0.8)

    monkeypatch.setattr(linear, "fit_blend", fit_blend)
    _, fits, callback = trained({"linear_model.order": order})
    data, ((_, _, first, _), (_, _, second, validation)) = fits.data, fits.calls
    logits, known, _ = fits.answers[0]
    if order:
        values = RECIPE.with_values({"linear_model.order": order}).linear_model
        branch = linear.LinearBranch.train(values, data.train, data.validation, data.test)
        asked_logits, labels = asked[0]
        np.testing.assert_array_equal(asked_logits["network"][:, 0], known)
        np.testing.assert_array_equal(asked_logits["linear"], branch.validation)
        np.testing.assert_array_equal(labels, data.validation.targets)
        other = branch.model.decision_function(data.unlabelled.full_token_ids)[:, 0]
        assert np.ptp(other) > 0.1
        logits = (0.7 * logits / 0.5 + 0.3 * other / 4) / 0.8
    assert first is data.train
    assert validation is data.validation
    assert len(second) == 2 * 24 + 10
    expected = [*data.train.targets, *data.train.targets, *sigmoid(logits)]
    assert second.targets.dtype == np.float32
    np.testing.assert_allclose(second.targets, expected, rtol=1e-6)
    assert 0.1 < np.ptp(second.targets[-10:])  # the answers differ
    for part in ("token_ids", "bigram_ids"):
        own, others = getattr(data.train, part), getattr(data.unlabelled, part)
        joined = [own[row] for row in range(24)] * 2 + [others[row] for row in range(10)]
        found = getattr(second, part)
        for row, ids in enumerate(joined):
            np.testing.assert_array_equal(found[row], ids)
    who = "the first one and the linear model answer" if order else "the first one answers"
    assert callback.told == [f"58 texts, 10 of them without labels, as {who} them"]


def test_it_begins_as_the_first_one_and_has_its_own_epochs(trained):
    _, fits, callback = trained({})
    (start, recipe, _, _), (again, changed, _, _) = fits.calls
    assert recipe == RECIPE
    assert changed == RECIPE.with_values({"training.epochs": 3})
    for name, tensor in start.items():
        assert torch.equal(tensor, again[name]), name
    assert callback.steps == [*range(1, 2 * 3 + 1), *range(1, 3 * 8 + 1)]


def test_the_results_are_the_second_networks_and_the_first_ones_epochs_stay(trained, tmp_path):
    results, fits, _ = trained({"linear_model.order": 1})
    (job,) = results.jobs
    first, second = fits.answers
    assert [epoch.epoch for epoch in job.teacher] == [1, 2]
    assert [epoch.epoch for epoch in job.history] == [1, 2, 3]
    for epochs, (_, known, _) in ((job.teacher, first), (job.history, second)):
        wanted = fits.data.validation.targets
        loss = np.mean(np.logaddexp(0, known) - wanted * known)
        assert epochs[-1].validation_loss == pytest.approx(loss, rel=1e-9)
    predicted = results.predictions[job.name][:, 1]
    np.testing.assert_allclose(predicted, sigmoid(second[2]), rtol=1e-12)
    assert not np.allclose(sigmoid(first[2]), sigmoid(second[2]), rtol=1e-3)
    blend = results.blend_of(job)
    assert blend is not None
    assert not np.array_equal(results.predictions[blend.name][:, 1], predicted)
    assert job.training_s == pytest.approx(
        sum(epoch.training_s for epoch in [*job.teacher, *job.history])
    )
    num_words = [len(train.token_ids.values) for _, _, train, _ in fits.calls]
    assert job.num_tokens == 2 * num_words[0] + 3 * num_words[1]
    assert results.configuration["self_training.copies"] == 2
    logs = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("history.jsonl"))
    assert [str(path.parent) for path in logs] == [
        "training/gru-seed0",
        "training/gru-seed0/student",
    ]
    assert not [*tmp_path.rglob("step-*")]


def test_without_it_there_is_one_network(trained):
    results, fits, callback = trained({"self_training.epochs": 0}, unlabelled=False)
    assert (len(fits.calls), callback.told, results.jobs[0].teacher) == (1, [], None)


def test_without_texts_it_is_refused_before_anything_is_trained(trained, monkeypatch):
    with pytest.raises(RecipeError) as error:
        trained({}, unlabelled=False)
    assert str(error.value) == (
        "recipe default: expected texts without labels for self_training.epochs, got none; give "
        "--unlabelled FILE, or --set self_training.epochs=0"
    )
    assert jobs.fit.calls == []


def test_lists_of_examples_are_joined():
    words = [Ragged.from_rows(rows) for rows in ([[1, 4], [5]], [], [[6, 7, 8]])]
    names = ("token_ids", "bigram_ids", "full_token_ids")
    parts = [Examples(dict.fromkeys(names, part), np.arange(len(part))) for part in words]
    found = Examples.concatenate(parts)
    assert {*found.inputs} == {*names}
    for ragged in (found.token_ids, found.bigram_ids, found.full_token_ids):
        assert [row.tolist() for row in map(ragged.__getitem__, range(3))] == [
            [1, 4],
            [5],
            [6, 7, 8],
        ]
    assert found.targets.tolist() == [0, 1, 0]
    more = parts[0].with_more(parts[2], 3)
    assert len(more) == 7
    assert more.targets.tolist() == [0, 1] * 3 + [0]
    assert more.targets.dtype == np.float32
    assert [more.token_ids[row].tolist() for row in (0, 5, 6)] == [[1, 4], [5], [6, 7, 8]]
    assert more.full_token_ids is None
    assert parts[0].with_more(parts[1], 1).token_ids.offsets.tolist() == [0, 2, 3]
    plain = Examples({"token_ids": words[0]}, np.zeros(2, np.int64))
    assert plain.with_more(plain, 1).bigram_ids is None
