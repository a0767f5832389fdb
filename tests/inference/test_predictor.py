"""A model that answers without PyTorch: the same as its network in PyTorch, whatever its shape."""

import json
import subprocess
import sys

import numpy as np
import pytest

import tidegate
from model_samples import make_folder, texts
from tidegate.cells import CELLS
from tidegate.data import byte_pairs
from tidegate.data.examples import Examples
from tidegate.data.preprocessing.text import MANY_TEXTS
from tidegate.data.tokenise import split
from tidegate.errors import DataError, MissingPackageError
from tidegate.inference.architecture import HORIZON, POOLINGS
from tidegate.inference.predictor import Predictor
from tidegate.task import Task
from tidegate.training.classification import predict

COLOURS = Task("multi-class", ("red", "green", "blue"))
SHAPES = {
    "plain": {},
    "both directions": {"bidirectional": True},
    "three layers": {"num_layers": 3, "bidirectional": True},
    "residual": {"num_layers": 2, "residual": True, "embedding_dim": 5},
    "pairs": {"num_pairs": 20},
    "padded": {"text": {"padding": "front"}, "pooling": "last"},
    "keras": {"text": {"tokens": "keras", "max_length": 7}},
    "characters": {"text": {"tokens": "characters", "vocabulary_size": 40, "max_length": 20}},
    "byte pairs": {"text": {"tokens": "bpe", "vocabulary_size": 310}, "num_pairs": 30},
    "classes": {"task": COLOURS},
    "labels": {"task": Task("multi-label", ("fast", "cheap"))},
    "numbers": {"task": Task("regression", ("size", "weight"))},
}

BOUND = 1e-5
"""The largest difference of a probability: rounding of the head alone was seen to make 3e-7."""


def outputs_of(model, folder, given):
    """What the network in PyTorch gives."""
    words = split(given, folder.preprocessor.vocabulary.tokeniser)
    inputs = folder.preprocessor.transform_words(words)
    return predict(model, Examples(inputs, np.zeros(len(given))))[0]


def check(folder, model):
    given = texts(70, seed=9)
    expected = outputs_of(model, folder, given)
    assert np.ptp(expected) > 0.3
    found = Predictor(folder).outputs(given, part="network")
    np.testing.assert_allclose(found, expected, atol=BOUND)
    if folder.task.is_classification:
        chances = Predictor(folder).predict_proba(given, part="network")
        np.testing.assert_allclose(chances, folder.task.probabilities(expected), atol=BOUND)


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", SHAPES)
def test_answers_are_those_of_the_network_in_pytorch(name, cell):
    check(*make_folder(**{"pooling": "mean+max"} | SHAPES[name], cell=cell))


@pytest.mark.parametrize("pooling", [one for one in POOLINGS if one != HORIZON])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one", "both"])
def test_every_pooling(pooling, bidirectional):
    check(*make_folder(pooling=pooling, bidirectional=bidirectional))


def test_the_linear_model_and_the_two_together():
    for task in (make_folder()[0].task, COLOURS):
        folder, model = make_folder(task, with_linear=True)
        given, predictor = texts(50, seed=3), Predictor(folder)
        full = folder.preprocessor.full_vocabulary.encode(split(given, "words"), end=True)
        linear = folder.linear.decision_function(full)
        assert predictor.outputs(given, part="linear").tolist() == linear.tolist()
        network = outputs_of(model, folder, given)
        together = (0.6 * network / 0.5 + 0.4 * linear / 2) / 0.9
        np.testing.assert_allclose(predictor.outputs(given), together, atol=BOUND)
        assert predictor.parts == ("all", "network", "linear")


def test_words_without_an_ngram_are_not_kept():
    """The linear model answers as before by the words alone that it has an n-gram of."""
    folder, _ = make_folder(with_linear=True)
    small, words = folder.linear.compact(folder.preprocessor.full_vocabulary)
    rare = "good once upon a film . It was never twice"
    given = [*texts(40, seed=11), rare]
    before = folder.linear.decision_function(
        folder.preprocessor.full_vocabulary.encode_texts(given, end=True)
    )
    assert small.decision_function(words.encode_texts(given, end=True)).tolist() == before.tolist()
    again, fewer = small.compact(words)
    assert (fewer.words, [codes.tolist() for codes in again.index.codes]) == (
        words.words,
        [codes.tolist() for codes in small.index.codes],
    )


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("name", ["both directions", "pairs", "classes", "three layers"])
def test_an_answer_does_not_depend_on_its_companions(name):
    folder, _ = make_folder(**{"pooling": "mean+max+last", "with_linear": True} | SHAPES[name])
    predictor, given = Predictor(folder), texts(300, seed=4)
    expected = predictor.outputs(given)
    np.testing.assert_array_equal(predictor.outputs(given[::-1])[::-1], expected)
    for row in (0, 17, 299):
        np.testing.assert_array_equal(predictor.outputs([given[row]])[0], expected[row])


def test_answers_have_names():
    given, (folder, model) = texts(20), make_folder()
    folder.tensors["head.bias"] -= np.float32(np.median(outputs_of(model, folder, given)))
    binary = Predictor(folder)
    chances = binary.predict_proba(given)
    expected = np.where(chances[:, 1] > 0.5, "pos", "neg")
    assert {*expected} == {"pos", "neg"}
    assert binary.predict(given).tolist() == expected.tolist()
    assert binary.classes == ("neg", "pos")
    colours = Predictor(make_folder(COLOURS)[0])
    names = np.array(COLOURS.classes)[colours.predict_proba(given).argmax(1)]
    assert colours.predict(given).tolist() == names.tolist()
    numbers = Predictor(make_folder(Task("regression", ("size",)))[0])
    assert numbers.predict(given).tolist() == numbers.outputs(given)[:, 0].tolist()


def test_no_texts_have_no_answers():
    predictor = Predictor(make_folder(with_linear=True)[0])
    assert predictor.predict([]).tolist() == []
    assert predictor.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("one text", "expected a list of texts, got one text"),
        (["a", None], "expected texts, got NoneType at index 1: 'None'"),
        (["a", 3.5], "expected texts, got float at index 1"),
    ],
)
def test_what_is_no_text_is_refused(given, message):
    with pytest.raises(DataError, match=message):
        Predictor(make_folder()[0]).predict(given)


def test_half_a_character_is_refused():
    """Where it would be part of a word: elsewhere it stands between words."""
    folder, _ = make_folder(text={"tokens": "keras"})
    with pytest.raises(DataError, match="expected texts of whole characters"):
        Predictor(folder).predict(["half \ud83d pair"])


def test_a_model_of_byte_pairs_says_what_it_needs(tmp_path, monkeypatch):
    folder, _ = make_folder(**SHAPES["byte pairs"])
    folder.save(tmp_path / "model")
    monkeypatch.setattr(byte_pairs, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'tidegate\[bpe\]'"):
        tidegate.load(tmp_path / "model")


def test_an_unknown_part_is_refused():
    for folder, part in ((make_folder()[0], "linear"), (make_folder()[0], "both")):
        with pytest.raises(ValueError, match=f"expected part of all, got '{part}'"):
            Predictor(folder).predict(["a"], part=part)


@pytest.mark.parametrize("count", [5, 2 * MANY_TEXTS], ids=["few texts", "many"])
@pytest.mark.parametrize("name", ["pairs", "characters", "byte pairs"])
def test_a_saved_model_answers_with_numpy_and_safetensors_alone(tmp_path, count, name):
    """And with tokenizers, where its tokens are byte pairs."""
    shape = {"num_pairs": 20, "pooling": "mean+max", "with_linear": True} | SHAPES[name]
    folder, _ = make_folder(**shape)
    folder.save(tmp_path / "model")
    given = texts(count, seed=2)
    expected = Predictor(folder).predict_proba(given)
    code = (
        "import sys\n"
        "for name in ('torch', 'scipy', 'sklearn', 'pyarrow', 'pandas', 'click', 'rich'):\n"
        "    sys.modules[name] = None\n"
        "import json, tidegate\n"
        "model = tidegate.load(sys.argv[1])\n"
        "print(json.dumps(model.predict_proba(json.loads(sys.argv[2])).tolist()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model"), json.dumps(given)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == expected.tolist()
    assert tidegate.load(str(tmp_path / "model")).predict(given).tolist() == (
        Predictor(folder).predict(given).tolist()
    )


def test_few_texts_are_answered_without_loading_arrow(tmp_path):
    folder, _ = make_folder(with_linear=True)
    folder.save(tmp_path / "model")
    code = (
        "import sys, tidegate\n"
        "model = tidegate.load(sys.argv[1])\n"
        f"for count in ({MANY_TEXTS - 1}, {MANY_TEXTS}):\n"
        "    model.predict(['a good film'] * count)\n"
        "    print('pyarrow' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "model")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
