"""Pretraining: what it learns, how it measures, and that a killed run ends with the same bits."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tidegate.data.ragged import Ragged
from tidegate.model.language_model import LanguageModel
from tidegate.training.checkpoint_manager import CheckpointManager
from tidegate.training.diverged import DivergedError
from tidegate.training.pretraining import Pretraining, measure, pretrain
from training_samples import Listener

V, START = 24, 1
VALUES = Pretraining(num_streams=4, num_steps=6, num_negatives=10, epochs=2, learning_rate=2e-2)


class Callback(Listener):
    """Keeps what it hears; may be told to stop the run, as a kill would."""

    def __init__(self, stop_after=None):
        self.stop_after, self.losses, self.epochs, self.notices, self.began = (
            stop_after,
            [],
            [],
            [],
            None,
        )

    def training_begins(self, event):
        self.began = event.step

    def step_ends(self, step):
        self.losses.append(step.loss)
        if step.step == self.stop_after:
            raise KeyboardInterrupt

    def epoch_ends(self, epoch):
        self.epochs.append(epoch)

    def notice(self, event):
        self.notices.append(event.text)


def corpus(num_documents=12, seed=0):
    """Texts that count upward by 1 or by 2: what comes next follows from the two tokens before."""
    rng = np.random.default_rng(seed)
    rows = []
    for length in rng.integers(5, 15, num_documents):
        start, stride = rng.integers(V - 2), rng.integers(1, 3)
        rows.append([START, *(2 + (start + stride * np.arange(length)) % (V - 2))])
    return Ragged.from_rows(rows)


def language_model(cell="gru", bidirectional=True):
    model = LanguageModel(
        cell, vocabulary_size=V, embedding_dim=8, hidden_size=16, bidirectional=bidirectional
    )
    model.reset_parameters(0, torch.ones(V))
    return model


@pytest.fixture
def one_stream(monkeypatch):
    """Few streams, for few tokens: in a stream's first steps there is nothing to go by."""
    monkeypatch.setattr("tidegate.training.pretraining.EVALUATION_STREAMS", 1)


def test_it_learns_what_comes_next_and_what_came_before(one_stream):
    model, callback = language_model(), Callback()
    values = dataclasses.replace(VALUES, epochs=12)
    held_out = corpus(10, seed=2)
    before, _ = measure(model, held_out)
    pretrain(model, values, corpus(80), held_out, seed=0, callback=callback)
    last = callback.epochs[-1]
    assert before == pytest.approx(np.log(V), rel=0.02)
    # Start, stride and end of a text are chance: 3 of about 10 tokens.
    assert last.validation_loss < 0.4 * before
    assert last.validation_score > 0.6
    assert (last.validation_loss, last.validation_score) == measure(model, held_out)


def test_measure_is_the_full_softmax_over_both_directions(one_stream):
    model = language_model()
    ids = torch.randint(V, (30,), generator=torch.Generator().manual_seed(0))
    losses, right = [], []
    for layer, projection, text in zip(
        model.layers, model.projections, (ids, ids.flip(0)), strict=True
    ):
        output, _ = layer(model.embedding(text[:-1]))
        logits = projection(output) @ model.embedding.weight.T + model.bias
        losses.append(cross_entropy(logits, text[1:]).item())
        right.append((logits.argmax(1) == text[1:]).double().mean().item())
    document = Ragged(ids.numpy().astype(np.int32), np.array([0, 30]))
    loss, accuracy = measure(model, document, num_steps=7)
    assert loss == pytest.approx(np.mean(losses), rel=1e-6)
    assert accuracy == pytest.approx(np.mean(right))


def test_measure_of_a_short_text_takes_every_word_by_itself():
    """There are no more streams than words to foresee, and each begins with nothing before it."""
    model = language_model(bidirectional=False)
    ids = torch.randint(V, (9,), generator=torch.Generator().manual_seed(4))
    losses = []
    for word, wanted in pairwise(ids):
        output, _ = model.layers[0](model.embedding(word).unsqueeze(0))
        logits = model.projections[0](output) @ model.embedding.weight.T + model.bias
        losses.append(cross_entropy(logits, wanted.unsqueeze(0)).item())
    loss, _ = measure(model, Ragged(ids.numpy().astype(np.int32), np.array([0, 9])))
    assert loss == pytest.approx(np.mean(losses), rel=1e-6)


def run(folder, values=VALUES, cell="gru", stop_after=None, seed=0):
    """A run with its checkpoints in a folder: the model, what was heard, and the log."""
    model, callback = language_model(cell), Callback(stop_after)
    checkpoint_manager = CheckpointManager(
        folder, every=3, fingerprint={"configuration": values.configuration()}
    )
    try:
        pretrain(
            model,
            values,
            corpus(),
            corpus(8, seed=1),
            seed=seed,
            callback=callback,
            checkpoint_manager=checkpoint_manager,
        )
    except KeyboardInterrupt:
        assert stop_after is not None
    log = (folder / "history.jsonl").read_bytes()
    return model, callback, log


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_killed_run_ends_with_the_same_bits(tmp_path, cell):
    whole, heard, log = run(tmp_path / "whole", cell=cell)
    num_steps = len(heard.losses)
    # Within the first epoch, at its last step, and within the second, after a checkpoint or not.
    for stop_after in (2, 4, num_steps // 2, num_steps // 2 + 4):
        folder = tmp_path / str(stop_after)
        run(folder, cell=cell, stop_after=stop_after)
        resumed, callback, resumed_log = run(folder, cell=cell)
        assert callback.began % 3 == 0
        assert callback.began < stop_after
        assert callback.losses == heard.losses[callback.began :]
        assert resumed_log == log
        expected = whole.state_dict()
        for name, tensor in resumed.state_dict().items():
            assert torch.equal(tensor, expected[name]), (stop_after, name)


def test_seeds_differ():
    losses = []
    for seed in (0, 0, 1):
        callback = Callback()
        pretrain(language_model(), VALUES, corpus(), corpus(8, 1), seed=seed, callback=callback)
        losses.append(callback.losses)
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_a_loss_that_is_not_finite_stops_it():
    model = language_model()
    with torch.no_grad():
        model.projections[0].bias[0] = torch.nan
    with pytest.raises(
        DivergedError,
        match=r"epoch 1, step 1: expected a finite loss, got nan on window 1 of the epoch; the "
        r"largest gradient is inf, of .*\. Try a lower learning rate "
        r"\(--set pretraining.learning_rate=0\.01\)",
    ):
        pretrain(model, VALUES, corpus(), corpus(8, 1), seed=0, callback=Callback())
