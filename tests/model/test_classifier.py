"""The classifier, dropout included, against the same network written out in plain PyTorch."""

import numpy as np
import pytest
import torch

from plain_classifier import Plain
from tidegate.cells import CELLS
from tidegate.data.batches import make_batch
from tidegate.data.bigrams import Bigrams
from tidegate.data.ragged import Ragged
from tidegate.model.classifier import SequenceClassifier
from tidegate.model.inputs import Inputs
from tidegate.model.masks import Masks

V, d, H = 13, 6, 3
ROWS = [[4, 5, 4, 6, 2, 4], [1], [], [7, 5, 4, 6, 12, 8, 9, 4, 5], [3, 4, 6]]
WORDS = Ragged.from_rows(ROWS)
PAIRS = Bigrams.build(WORDS, V, 5, unknown=2)
BOTH = {"bidirectional": True}
DROPPED = {
    "words": {"words": 0.4},
    "embedding": {"embedding": 0.4},
    "places": {"places": 0.4},
    "variational": {"variational": 0.4},
    "recurrent": {"recurrent": 0.4},
    "head": {"head": 0.4},
}
ALL = {name: share for shares in DROPPED.values() for name, share in shares.items()}
NETWORKS = {
    **{cell: {"cell": cell} for cell in CELLS},
    **{f"{cell} all": {"cell": cell, "num_layers": 2, **BOTH} for cell in CELLS},
    **{
        f"pooling {kind}": {"pooling": kind, **BOTH}
        for kind in ("last", "mean", "max", "mean+max", "mean+max+last", "attention")
    },
    # d is the width of both directions' states: every layer's input is added to its output.
    "residual": {"residual": True, "num_layers": 2, **BOTH},
    "residual, but the first": {"residual": True, "num_layers": 2},
    "bigrams": {"bigram_vocabulary_size": len(PAIRS)},
    "by place": {"by_place": True},
    "by place, bigrams": {"by_place": True, "bigram_vocabulary_size": len(PAIRS)},
    "features": {"vocabulary_size": 0, "embedding_dim": 0, "input_size": d, "residual": True},
    "outputs": {"kind": "multi-class", "num_outputs": 4},
    "dropout that is not asked for": {"dropout": ALL},
}


def make(**options):
    """A network in float64 with parameters that are all other than 0."""
    sizes = {"vocabulary_size": V, "embedding_dim": d, "hidden_size": H}
    model = SequenceClassifier(**{"cell": "gru"} | sizes | options).double()
    draws = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.7, generator=draws)
        model.embedding_mean.normal_(generator=draws)
        model.embedding_scale.fill_(0.4)
    return model


def batch(model, rows=(3, 0, 2, 4, 1)):
    """Sequences that share words, one of them without any."""
    words = make_batch(WORDS, np.array(rows))
    if model.architecture.input_size:
        features = np.random.default_rng(1).normal(size=(len(words.ids), d))
        return Inputs(torch.from_numpy(words.offsets), features=torch.from_numpy(features))
    pairs = None
    if model.architecture.bigram_vocabulary_size:
        pairs = make_batch(PAIRS.encode(WORDS), np.array(rows))
    return Inputs.of(words, pairs)


def check(model, masks=None):
    """Answers and gradients."""
    inputs = batch(model)
    outputs, expected = model(inputs, masks), Plain(model, masks)(inputs)
    torch.testing.assert_close(outputs, expected, rtol=1e-9, atol=1e-11)
    towards = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(2)).double()
    gradients = []
    for found in (outputs, expected):
        model.zero_grad()
        found.backward(towards)
        gradients.append(
            {
                name: parameter.grad.to_dense()
                for name, parameter in model.named_parameters()
                if parameter.grad is not None
            }
        )
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-8, atol=1e-10, msg=name)


@pytest.mark.parametrize("options", NETWORKS.values(), ids=NETWORKS)
def test_answers_and_gradients_are_those_of_plain_operations(options):
    check(make(**options))


@pytest.mark.parametrize("shares", [*DROPPED.values(), ALL], ids=[*DROPPED, "all"])
@pytest.mark.parametrize("name", ["gru all", "residual", "bigrams", "by place", "features"])
def test_with_dropout_they_are_those_under_the_same_masks(name, shares):
    model = make(**NETWORKS[name], dropout=shares)
    if name != "features" or shares.keys() != {"embedding"}:  # numbers have none
        outputs = model(batch(model), Masks(3, 8))
        assert not torch.allclose(outputs, model(batch(model), Masks(3, 9)))
    check(model, Masks(3, 8))


def embedded(shares, rows, **options):
    """What the first layer reads of some sequences, and what it reads without dropout."""
    model = make(dropout=shares, **options)
    with torch.no_grad():
        model.embedding_mean.zero_()
        vectors = model.embed(batch(model, rows), Masks(0, 1))
        return vectors.numpy(), model.embed(batch(model, rows)).numpy()


def test_a_word_is_dropped_whole():
    found, whole = embedded({"words": 0.4}, [0, 3, 4] * 9)
    gone = (found == 0).all(1)
    np.testing.assert_allclose(found[~gone], whole[~gone] / 0.6, rtol=1e-4)
    assert gone.mean() == pytest.approx(0.4, abs=0.1)
    # Not the same wherever the word stands.
    starts = np.flatnonzero((whole == whole[0]).all(1))
    assert 0 < gone[starts].sum() < len(starts) == 9 * 6


def test_the_elements_of_a_word_are_dropped_wherever_it_stands():
    for by_place in (False, True):
        found, whole = embedded({"embedding": 0.4}, [0, 3, 4] * 3, by_place=by_place)
        for word in np.unique(whole, axis=0):
            places = (whole == word).all(1)
            assert len(np.unique(found[places], axis=0)) == 1
            kept = found[places][0] != 0
            np.testing.assert_allclose(found[places][0][kept], word[kept] / 0.6, rtol=1e-4)
        assert 0.2 < (found == 0).mean() < 0.8


def test_the_elements_of_a_place_are_dropped_by_themselves():
    found, whole = embedded({"places": 0.4}, [0, 3, 4] * 9)
    kept = found != 0
    np.testing.assert_allclose(found[kept], whole[kept] / 0.6, rtol=1e-4)
    assert (~kept).mean() == pytest.approx(0.4, abs=0.05)
    assert len(np.unique(kept, axis=0)) > 30  # of 64 patterns that there are


def test_pairs_lose_elements_and_words_of_their_own():
    """A word's mask is not its pair's, but a place that is dropped has neither."""
    options = {"bigram_vocabulary_size": len(PAIRS)}
    found, whole = embedded({"words": 0.5}, [0, 3] * 9, **options)
    assert ((found == 0).all(1) | np.isclose(found, whole * 2, rtol=1e-4).all(1)).all()
    found, _ = embedded({"embedding": 0.5}, [0, 3] * 9, **options)
    # An element is there unless the word's and the pair's are both gone.
    has_pair = np.concatenate([PAIRS.encode(WORDS)[row] > 0 for row in [0, 3] * 9])
    assert (found[~has_pair] == 0).mean() == pytest.approx(0.5, abs=0.2)
    assert (found[has_pair] == 0).mean() < 0.4


def test_what_cannot_be_made_is_refused():
    for options, text in (
        ({"vocabulary_size": 0}, "expected either vocabulary_size or input_size, got 0 and 0"),
        ({"input_size": 3}, "expected either vocabulary_size or input_size, got 13 and 3"),
        ({"pooling": "sum"}, "expected pooling of last, mean, max, .*, got 'sum'"),
    ):
        with pytest.raises(ValueError, match=text):
            make(**options)
