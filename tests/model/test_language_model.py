"""The language model: its loss and gradients against torch operations, its state, its offspring."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, embedding

from tidegate.data.negatives import all_words
from tidegate.data.ragged import Ragged
from tidegate.data.streams import Streams
from tidegate.model.cells import LAYERS
from tidegate.model.classifier import SequenceClassifier
from tidegate.model.language_model import LanguageModel

V, d, H = 29, 6, 5
OFFSETS = torch.tensor([0, 4, 9, 11])


def language_model(cell="gru", bidirectional=False, seed=0):
    model = LanguageModel(
        cell, vocabulary_size=V, embedding_dim=d, hidden_size=H, bidirectional=bidirectional
    )
    model.reset_parameters(seed, torch.arange(V))
    return model.double()


def tokens(seed=0, count=11):
    return torch.randint(V, (count,), generator=torch.Generator().manual_seed(seed))


def everything():
    candidates = all_words(V)
    return torch.from_numpy(candidates.ids), torch.from_numpy(candidates.log_weights)


def plain_loss(model, direction, inputs, targets, offsets):
    """The docstring's equation with a full softmax, stream by stream."""
    table, losses = model.embedding.weight, []
    for begin, end in pairwise(offsets.tolist()):
        output, _ = model.layers[direction](embedding(inputs[begin:end], table).unsqueeze(1))
        logits = model.projections[direction](output.squeeze(1)) @ table.T + model.bias
        losses.append(cross_entropy(logits, targets[begin:end], reduction="sum"))
    return sum(losses) / len(inputs)


@pytest.mark.parametrize("direction", [0, 1], ids=["forward", "reverse"])
@pytest.mark.parametrize("cell", [*LAYERS])
def test_loss_and_gradients_are_those_of_the_full_softmax(cell, direction):
    model = language_model(cell, bidirectional=True)
    inputs, targets = tokens(1), tokens(2)
    expected = plain_loss(model, direction, inputs, targets, OFFSETS)
    expected.backward()
    expected_grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    loss, _, _ = model(direction, inputs, targets, OFFSETS, everything())
    loss.backward()
    grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    torch.testing.assert_close(loss, expected)
    assert grads["embedding.weight"].is_sparse
    assert grads.keys() == expected_grads.keys()
    for name, grad in grads.items():
        found = grad.to_dense() if grad.is_sparse else grad
        torch.testing.assert_close(found, expected_grads[name], msg=lambda m, n=name: f"{n}: {m}")


def test_only_the_words_that_occur_have_a_gradient():
    model = language_model()
    inputs, targets = torch.tensor([1, 2, 3]), torch.tensor([2, 3, 7])
    candidates = torch.tensor([5, 7]), torch.tensor([0.5, 0.1])
    loss, _, _ = model(0, inputs, targets, torch.tensor([0, 3]), candidates)
    loss.backward()
    grad = model.embedding.weight.grad.coalesce()
    assert grad.indices()[0].tolist() == [1, 2, 3, 5, 7]
    assert model.bias.grad.nonzero().flatten().tolist() == [2, 3, 5, 7]


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_windows_with_a_carried_state_are_one_long_window(cell, reverse):
    model = language_model(cell, bidirectional=True)
    corpus = Ragged(tokens(3, 60).numpy().astype(np.int32), np.array([0, 20, 35, 60]))

    def run(num_steps):
        streams = Streams(corpus, num_streams=3, num_steps=num_steps, seed=0, reverse=reverse)
        state, total = None, 0.0
        for step in range(streams.num_windows):
            window = streams.window(0, step)
            arrays = (window.inputs, window.targets, window.offsets)
            loss, _, state = model(
                int(reverse), *map(torch.from_numpy, arrays), everything(), state
            )
            total += loss.item() * len(window.targets)
        return total, state

    (total, state), (expected_total, expected_state) = run(7), run(100)
    assert total == pytest.approx(expected_total, rel=1e-12)
    torch.testing.assert_close(state, expected_state)
    assert not any(s.requires_grad for s in (state if cell == "lstm" else [state]))


@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both directions"])
def test_a_classifier_starts_from_its_directions(bidirectional):
    model = language_model(bidirectional=bidirectional)
    classifier = SequenceClassifier(
        "gru",
        vocabulary_size=V,
        embedding_dim=d,
        hidden_size=H,
        bidirectional=bidirectional,
    ).double()
    found = classifier.load_state_dict(model.encoder_tensors(), strict=False)
    assert not found.unexpected_keys
    assert not [name for name in found.missing_keys if name.startswith("recurrent")]
    ids = tokens(4)
    vectors = model.embedding(ids)
    output, _ = classifier.recurrent(vectors, torch.tensor([0, len(ids)]))
    expected, _ = model.layers[0](vectors)
    if bidirectional:
        backward, _ = model.layers[1](vectors.flip(0))
        expected = torch.cat([expected, backward.flip(0)], 1)
    torch.testing.assert_close(output, expected)


def test_an_untrained_model_knows_the_frequencies():
    model = language_model()
    counts = torch.arange(V).double()
    frequencies = (counts + 1) / (counts + 1).sum()
    torch.testing.assert_close(model.bias.detach().exp(), frequencies, rtol=1e-6, atol=0)
    again, other = language_model(seed=0), language_model(seed=1)
    assert torch.equal(model.embedding.weight, again.embedding.weight)
    assert not torch.equal(model.layers[0].weight_hh_l0, other.layers[0].weight_hh_l0)


def test_an_unknown_cell_is_refused():
    with pytest.raises(ValueError, match=r"LanguageModel: expected a cell of \[.*\], got 'qrnn'"):
        LanguageModel("qrnn", vocabulary_size=V, embedding_dim=d, hidden_size=H)
