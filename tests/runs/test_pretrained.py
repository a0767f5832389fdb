"""A classifier that begins with a language model: what it has of it, and which are refused."""

import re
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from pretrained_samples import RECIPE, WORDS, language_model, save
from tidegate.cells import CELLS
from tidegate.data import tokenise
from tidegate.data.batches import make_batch
from tidegate.data.dataset import Split, TextDataset
from tidegate.data.prepared import prepare
from tidegate.data.ragged import Ragged
from tidegate.data.sources.imdb import TASK
from tidegate.data.tokenise import split
from tidegate.errors import DataError, FormatError, RecipeError
from tidegate.model.inputs import Inputs
from tidegate.runs import pretrained
from tidegate.runs.experiment import Experiment
from tidegate.storage.atomic import remove_tree
from tidegate.training import network

V = 4 + len(WORDS)
ROWS = [[1, 4, 5, 2, 6, 4], [1, 7, 9, 11], [3]]


def frequencies():
    """Of words that are not alike frequent, some of which do not occur."""
    counts = np.arange(V, dtype=np.float32) % 5
    return torch.from_numpy(counts / counts.sum())


def make(recipe, cell, model=None):
    """A classifier, that begins with a language model where there is one."""
    return network.make(
        cell,
        recipe,
        0,
        vocabulary_size=V,
        bigram_vocabulary_size=recipe.text.bigram_vocabulary_size,
        encoder=None if model is None else model.encoder_tensors(),
        frequencies=None if model is None else frequencies(),
    )


def states(model, ids):
    """What a language model's directions make of a text, (T, D*H), each by plain calls."""
    vectors = model.embedding.weight[ids]
    forwards, _ = model.layers[0](vectors)
    if len(model.layers) == 1:
        return forwards
    backwards, _ = model.layers[1](vectors.flip(0))
    return torch.cat([forwards, backwards.flip(0)], 1)


@pytest.mark.parametrize("optimiser", ["adam", "keras-adam"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("cell", CELLS)
def test_its_first_layer_computes_what_the_language_models_did(cell, bidirectional, optimiser):
    """Though it reads embeddings in units of their spread."""
    recipe = RECIPE.with_values(
        {"bidirectional": bidirectional, "optimiser": optimiser, "bigram_vocabulary_size": 4}
    )
    model = language_model(cell, bidirectional=bidirectional)
    classifier = make(recipe, cell, model)
    assert torch.equal(classifier.embedding.weight, model.embedding.weight)
    assert classifier.embedding_scale != 1
    batch = make_batch(Ragged.from_rows(ROWS), np.arange(3))
    pairs = make_batch(Ragged.from_rows([[0, 1, 2, 0, 3, 1], [0, 1, 1, 2], [0]]), np.arange(3))
    inputs = Inputs.of(batch, pairs)
    found, _ = classifier.recurrent(classifier.embed(inputs), inputs.offsets)
    expected = torch.cat([states(model, torch.tensor(row)) for row in ROWS])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_the_embedding_is_read_in_units_of_its_spread_over_the_training_words():
    model = language_model()
    classifier, shares = make(RECIPE, "gru", model), frequencies().double()
    table = model.embedding.weight.detach().double()
    mean = shares @ table
    spread = (shares @ (table - mean).square()).mean().sqrt()
    torch.testing.assert_close(classifier.embedding_mean.double(), mean, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(classifier.embedding_scale.double(), spread, rtol=1e-5, atol=0)


def test_what_the_language_model_has_none_of_begins_as_it_would_without():
    recipe = RECIPE.with_values({"num_layers": 2, "bigram_vocabulary_size": 7})
    classifier, other = make(recipe, "gru", language_model()), make(recipe, "gru")
    numbers, others = dict(classifier.named_parameters()), dict(other.named_parameters())
    for name in numbers:
        is_own = not name.startswith(("embedding", "bigram", "recurrent.0."))
        assert torch.equal(numbers[name], others[name]) == is_own, name
    # A pair adds nothing to what the language model knows.
    assert not classifier.bigram_embedding.weight.any()
    assert other.bigram_embedding.weight.any()


def experiment(**values):
    options = {"recipe": RECIPE, "cells": ("gru",), "seeds": (0, 1), "threads": 1}
    return Experiment(**options | values)


def test_words_that_the_language_model_does_not_know_are_unknown(tmp_path):
    """And those that it knows have the ids, and so the vectors, that they have there."""
    folder = save(language_model(num_words=4), tmp_path / "model")
    texts = Split(["a good film and the bad one"] * 4, np.arange(4) % 2)
    (model,) = pretrained.models_of(experiment(init_from=str(folder)), tmp_path)
    found = pretrained.load(model)
    dataset = TextDataset("toy", "nowhere", texts, texts, TASK)
    data = prepare(
        dataset,
        RECIPE.text_options(),
        validation_share=RECIPE.training.validation_share,
        vocabulary=found.vocabulary,
    )
    assert data.vocabulary.words == ["the", "film", "good", "bad"]
    assert data.test.token_ids[0].tolist() == [1, 2, 6, 5, 2, 4, 7, 2]
    table = found.encoder["embedding.weight"]
    assert torch.equal(table, language_model(num_words=4).embedding.weight)


def test_texts_without_a_word_are_not_what_it_is_measured_by():
    rows = [[1], [1], [1, 4], [1, 5, 6], *[[1, 4]] * 8]
    held_out, train = pretrained._held_out(Ragged.from_rows(rows))
    assert [held_out[row].tolist() for row in range(len(held_out))] == [[1], [1]]
    assert train[0].tolist() == [1, 4]
    held_out, train = pretrained._held_out(Ragged.from_rows([[1, 4]] * 300))
    assert (len(held_out), len(train)) == (3, 297)
    for rows in ([[1, 4]], [[1]], [[1], [1]], []):
        with pytest.raises(DataError, match="expected at least 2 texts with words"):
            pretrained._held_out(Ragged.from_rows(rows))


def corpus_of(run_folder, texts=("a good film and the bad one",) * 4):
    """The corpus of a run that begins with language models."""
    recipe = RECIPE.with_values({"pretraining.epochs": 1})
    return pretrained.open_or_write_corpus(
        experiment(recipe=recipe), run_folder, lambda spool: nullcontext([split(texts, "words")])
    )


def test_an_altered_corpus_is_named_and_made_anew_once_it_is_removed(tmp_path):
    folder = tmp_path / "pretraining" / "corpus"
    made = corpus_of(tmp_path).fingerprint()
    # What is there is not made again.
    assert corpus_of(tmp_path, texts=["others"]).fingerprint() == made
    content = bytearray((folder / "values.npy").read_bytes())
    content[-4] ^= 1
    (folder / "values.npy").write_bytes(content)
    with pytest.raises(FormatError, match=f"values.npy: .*; remove {folder}, and the run makes"):
        corpus_of(tmp_path)
    remove_tree(folder)
    assert corpus_of(tmp_path).fingerprint() == made


def test_without_a_language_model_there_is_nothing_to_begin_with(tmp_path):
    assert pretrained.models_of(experiment(), tmp_path) == []
    assert pretrained.open_or_write_corpus(experiment(), tmp_path, words=None) is None
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("values", "cell", "text"),
    [
        ({}, "lstm", "of cell=lstm, got one of cell=gru;"),
        ({"hidden_size": 6}, "gru", "of hidden_size=6, got one of hidden_size=5;"),
        ({"embedding_dim": 9}, "gru", "of embedding_dim=9, got one of embedding_dim=6;"),
        ({"bidirectional": False}, "gru", "bidirectional=False, got one of bidirectional=True;"),
        ({"tokens": "keras"}, "gru", "of tokens=keras, got one of tokens=words;"),
        ({"vocabulary_size": 11}, "gru", "of vocabulary_size=11, got one of vocabulary_size=12;"),
        (
            {"hidden_size": 6, "embedding_dim": 9},
            "gru",
            "embedding_dim=9, hidden_size=6, got one of embedding_dim=6, hidden_size=5; change the "
            "recipe with --set, or pretrain with these values",
        ),
    ],
    ids=["cell", "units", "width", "ways", "tokens", "vocabulary", "two"],
)
def test_a_language_model_that_does_not_fit_is_refused(tmp_path, values, cell, text):
    model = pretrained.load(save(language_model(), tmp_path / "model"))
    model.check(RECIPE, "gru")
    model.check(RECIPE.with_values({"vocabulary_size": 12}), "gru")
    with pytest.raises(RecipeError, match=f"expected a language model .*{re.escape(text)}"):
        model.check(RECIPE.with_values(values), cell)


def with_value(tensor, value):
    """A copy whose last element is this."""
    found = tensor.copy()
    found[-1] = value
    return found


def changed(name):
    """What a damaged or foreign folder holds, and what is said of it."""
    model = language_model()
    tensors = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
    config = {"kind": pretrained.KIND, **model.config}
    return {
        "another model": (
            {"config": {"architecture": {"cell": "gru"}}},
            "expected a model folder of `tidegate pretrain`, got one of another model",
        ),
        "no architecture": ({"config": {}}, "got one of another model"),
        "a list for one": ({"config": {"architecture": [1]}}, "got one of another model"),
        "an argument more": (
            {"config": {"architecture": config | {"depth": 3}}},
            "config.json: architecture: expected the keys cell, .*bidirectional, got 'depth'",
        ),
        "other widths": (
            {"config": {"architecture": config | {"hidden_size": 7}}},
            r"model.safetensors: expected layers.0.weight_ih_l0 of shape \(21, 6\), got \(15, 6\)",
        ),
        "widths beyond all memory": (
            {"config": {"architecture": config | {"hidden_size": 1 << 24}}},
            r"expected layers.0.weight_ih_l0 of shape \(50331648, 6\), got \(15, 6\)",
        ),
        "widths that are none": (
            {"config": {"architecture": config | {"hidden_size": 0}}},
            "architecture.hidden_size: expected at least 1 and at most 16777216, got 0",
        ),
        "a number that is true": (
            {"config": {"architecture": config | {"hidden_size": True}}},
            "architecture.hidden_size: expected a whole number, got True",
        ),
        "no such cell": (
            {"config": {"architecture": config | {"cell": "qrnn"}}},
            "architecture.cell: expected one of rnn, lstm, gru, gru-before, got 'qrnn'",
        ),
        "a parameter less": (
            {"tensors": {key: value for key, value in tensors.items() if key != "bias"}},
            "expected the 14 tensors of the architecture, got no bias$",
        ),
        "a parameter more": (
            {"tensors": {**tensors, "more": tensors["bias"]}},
            "expected the 14 tensors of the architecture, got more as well$",
        ),
        "another dtype": (
            {"tensors": {**tensors, "bias": tensors["bias"].astype("float64")}},
            "model.safetensors: expected bias of float32, got float64",
        ),
        "no number": (
            {"tensors": {**tensors, "bias": with_value(tensors["bias"], np.nan)}},
            "expected finite values of bias, got 1 of 12 that are NaN or infinite; take a model",
        ),
        "an infinite number": (
            {"tensors": {**tensors, "bias": with_value(tensors["bias"], -np.inf)}},
            "expected finite values of bias, got 1 of 12 that are NaN or infinite",
        ),
        "fewer words": (
            {"vocabulary": {**pretrained.Vocabulary(WORDS[:3], tokenise.WORDS).to_json()}},
            "expected a vocabulary of 12 ids, got 7",
        ),
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        *("another model", "no architecture", "a list for one", "an argument more"),
        *("other widths", "widths beyond all memory", "widths that are none"),
        *("a number that is true", "no such cell", "a parameter less", "a parameter more"),
        *("another dtype", "no number", "an infinite number", "fewer words"),
    ],
)
def test_what_is_no_language_model_is_told(tmp_path, name):
    contents, text = changed(name)
    save(language_model(), tmp_path / "model", **contents)
    with pytest.raises(FormatError, match=text) as error:
        pretrained.load(tmp_path / "model")
    assert str(error.value).startswith(str(tmp_path / "model"))
