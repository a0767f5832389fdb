"""Model folders: what is written comes back, and what is damaged or hostile is refused."""

import json
import os
import struct

import numpy as np
import pytest

from model_samples import make_folder, texts, without_card
from tidegate.data.byte_pairs import MOST_MERGES
from tidegate.errors import FormatError
from tidegate.inference import model_folder
from tidegate.inference.model_folder import load
from tidegate.inference.predictor import Predictor
from tidegate.storage import json_file, tensors
from tidegate.storage.sealed_folder import MANIFEST
from tidegate.task import Task

FILES = [
    "README.md",
    "config.json",
    "linear.safetensors",
    "manifest.json",
    "model.safetensors",
    "preprocessor.json",
]


@pytest.fixture
def saved(tmp_path):
    folder, _ = make_folder(with_linear=True, num_pairs=20, bidirectional=True)
    folder.save(tmp_path / "model")
    return tmp_path / "model", folder


def reseal(path, **changed):
    """Write other contents, with sums that fit: as somebody hostile would."""
    contents = {
        name: (path / name).read_bytes() for name in model_folder.LAYOUT_WITH_LINEAR.most_bytes
    } | changed
    named = {}
    try:
        named = tensors.from_bytes(contents["model.safetensors"], "model")
    except FormatError:
        pass
    for name, content in model_folder.LAYOUT_WITH_LINEAR.seal(contents, named).items():
        (path / name).write_bytes(content)


def edited(path, name, change):
    content = json.loads((path / name).read_bytes())
    change(content)
    reseal(path, **{name: json.dumps(content).encode()})


def test_it_comes_back_as_it_was(saved):
    path, folder = saved
    found = load(path)
    assert found.card == folder.card
    assert sorted(file.name for file in path.iterdir()) == FILES
    given = texts(30, seed=8)
    for part in ("all", "network", "linear"):
        before, after = (Predictor(each).outputs(given, part=part) for each in (folder, found))
        assert before.tolist() == after.tolist()
    np.testing.assert_equal(
        without_card(found), without_card(folder) | {"preprocessor": _plain(found)}
    )


def _plain(folder):
    return without_card(folder)["preprocessor"]


def test_equal_models_give_equal_bytes(saved):
    path, folder = saved
    folder.save(path.with_name("again"))
    for name in FILES:
        assert (path / name).read_bytes() == (path.with_name("again") / name).read_bytes()


def test_without_a_linear_model_there_is_no_file_of_it(tmp_path):
    folder, _ = make_folder()
    folder.save(tmp_path / "model")
    assert sorted(file.name for file in (tmp_path / "model").iterdir()) == [
        name for name in FILES if name != "linear.safetensors"
    ]
    assert load(tmp_path / "model").linear is None


@pytest.mark.parametrize("name", [name for name in FILES if name != "linear.safetensors"])
def test_a_missing_file_is_named(saved, name):
    path, _ = saved
    (path / name).unlink()
    with pytest.raises(
        FormatError, match=f"expected a model folder with .*, got one without {name}"
    ):
        load(path)


def test_a_missing_linear_model_is_seen(saved):
    path, _ = saved
    (path / "linear.safetensors").unlink()
    with pytest.raises(FormatError, match="manifest.json: expected that of model and its files"):
        load(path)


def test_a_folder_of_version_1_says_what_to_do(tmp_path):
    (tmp_path / "vocabulary.json").write_text("{}")
    with pytest.raises(
        FormatError, match="of version 2, got one of version 1.*train the model again"
    ):
        load(tmp_path)


@pytest.mark.parametrize("name", [name for name in FILES if name != "README.md"])
def test_a_flipped_bit_or_a_cut_is_seen_wherever_it_is(saved, name):
    path, _ = saved
    whole = (path / name).read_bytes()
    for place in np.linspace(0, len(whole) - 1, 12).astype(int).tolist():
        for damaged in (
            whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :],
            whole[:place],
        ):
            (path / name).write_bytes(damaged)
            with pytest.raises(FormatError, match=f"{path}/.*"):
                load(path)
    (path / name).write_bytes(whole)
    load(path)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_only_regular_files_are_read(saved, name, kind):
    path, _ = saved
    (path / name).rename(path.with_name("elsewhere"))
    if kind == "link":
        (path / name).symlink_to(path.with_name("elsewhere"))
    elif kind == "pipe":
        os.mkfifo(path / name)
    else:
        (path / name).mkdir()
    with pytest.raises(FormatError, match=name):
        load(path)


HOSTILE = {
    "another kind of task": (lambda c: c["task"].update(kind="binary2"), "expected a kind of"),
    "more classes": (lambda c: c["task"].update(classes=["a", "b", "c"]), "expected 2 names"),
    "another number of outputs": (
        lambda c: c["task"].update(kind="multi-class", classes=["a", "b", "c"]),
        "expected 3 outputs, got 1",
    ),
    "an unknown key": (
        lambda c: c.update(run="rm"),
        "expected task, architecture, blend and columns",
    ),
    "an unknown size": (lambda c: c["architecture"].update(code="x"), "architecture: expected"),
    "an unknown cell": (lambda c: c["architecture"].update(cell="x"), "expected a cell of"),
    "a huge size": (
        lambda c: c["architecture"].update(hidden_size=(1 << 31) - 1),
        "expected recurrent.0.weight_ih_l0 of shape",
    ),
    "a size beyond 64 bits": (
        lambda c: c["architecture"].update(hidden_size=10**30),
        "expected hidden_size of type int, from 0 to below 2",
    ),
    "many layers": (
        lambda c: c["architecture"].update(num_layers=1_000_000),
        "expected num_layers of at most",
    ),
    "a text as a size": (
        lambda c: c["architecture"].update(hidden_size="5"),
        "expected hidden_size of type int",
    ),
    "true as a size": (
        lambda c: c["architecture"].update(hidden_size=True),
        "expected hidden_size of type int",
    ),
    "another pooling": (lambda c: c["architecture"].update(pooling="eval"), "expected pooling of"),
    "no blend": (lambda c: c.update(blend=None), "expected 1 linear models in the blend, got 0"),
    "a blend of others": (
        lambda c: c["blend"].update(weights={"a": 1.0}, temperatures={"a": 1.0}),
        "expected a blend of network and linear",
    ),
    "a list as task": (lambda c: c.update(task=[]), "expected task as an object"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_configuration_is_refused(saved, name):
    path, _ = saved
    change, message = HOSTILE[name]
    edited(path, "config.json", change)
    with pytest.raises(FormatError, match=message):
        load(path)


WORDS = {
    "another kind": (
        lambda c: c.update(kind="pickle"),
        "expected a kind of text, series, audio, forecast, got 'pickle'",
    ),
    "an unknown key": (lambda c: c.update(code="x"), "preprocessor: expected"),
    "no length": (lambda c: c.update(max_length=0), "expected max_length from 1 on, got 0"),
    "a huge length": (lambda c: c.update(max_length=10**30), "expected max_length from 1 on"),
    "another padding": (lambda c: c.update(padding="back"), "expected padding of none, front"),
    "a word twice": (
        lambda c: c["vocabulary"]["words"].__setitem__(1, c["vocabulary"]["words"][0]),
        "expected every word once",
    ),
    "fewer words": (lambda c: c["vocabulary"]["words"].pop(), "pairs of the"),
    "numbers as words": (lambda c: c["vocabulary"].update(words=[1]), "a list of texts"),
    "another scheme": (lambda c: c["vocabulary"].update(scheme="os"), "expected the scheme"),
    "no words": (lambda c: c.update(vocabulary=None), "expected a vocabulary, got NoneType"),
    "pairs outside": (lambda c: c["bigrams"].update(codes=[10**15]), "bigrams: expected"),
    "fewer pairs": (lambda c: c["bigrams"]["codes"].pop(), "ids of pairs, got"),
    "words of the linear model by another scheme": (
        lambda c: c["full_vocabulary"].update(scheme="keras.datasets.imdb"),
        "expected a full vocabulary of the vocabulary's words, got one of keras",
    ),
    "no words of the linear model": (
        lambda c: c.update(full_vocabulary=None),
        "expected 1 vocabularies of the linear model, got 0",
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_a_hostile_preprocessor_is_refused(saved, name):
    path, _ = saved
    change, message = WORDS[name]
    edited(path, "preprocessor.json", change)
    with pytest.raises(FormatError, match=message):
        load(path)


def merges_of(content):
    return content["vocabulary"]["merges"]


BYTE_PAIRS = {
    "no merges": (lambda c: c["vocabulary"].pop("merges"), "merges: expected a list"),
    "a text for merges": (lambda c: c["vocabulary"].update(merges="ab"), "got str"),
    "no pair": (lambda c: merges_of(c)[3].append("a"), "expected pairs of bytes .* at place 3"),
    "no text": (lambda c: merges_of(c)[3].__setitem__(0, {}), "expected pairs of bytes"),
    "ids for pieces": (lambda c: merges_of(c).append([260, 261]), r"got \[260, 261\]"),
    "an unknown piece": (lambda c: merges_of(c).append(["zz", "z"]), r"got \['zz', 'z'\]"),
    "a pair twice": (lambda c: merges_of(c).append(merges_of(c)[0]), "expected every pair once"),
    "too many": (
        lambda c: c["vocabulary"].update(merges=[["a", "b"]] * (MOST_MERGES + 1)),
        "expected a list of at most 1,048,576 pairs, got 1,048,577",
    ),
    "ids beyond the merges": (
        lambda c: c["vocabulary"].update(unmerged=[len(merges_of(c))]),
        "expected unmerged as ascending places",
    ),
    "a word that is no piece": (
        lambda c: c["vocabulary"]["words"].__setitem__(0, "\u4eca"),
        "expected words that are bpe, got '\u4eca'",
    ),
    "other merges of the linear model": (
        lambda c: c["full_vocabulary"]["merges"].append(["z", "z"]),
        r"expected a full vocabulary of the vocabulary's bpe of \d+ merges, got one of bpe",
    ),
    "words of the linear model by another scheme": (
        lambda c: c["full_vocabulary"].update(scheme="tidegate.words"),
        "vocabulary: expected {'merges': None, 'unmerged': None}, got .{,300}$",
    ),
}


@pytest.mark.parametrize("name", BYTE_PAIRS)
def test_hostile_byte_pairs_are_refused(tmp_path, name):
    folder, _ = make_folder(with_linear=True, text={"tokens": "bpe", "vocabulary_size": 310})
    folder.save(tmp_path / "model")
    change, message = BYTE_PAIRS[name]
    edited(tmp_path / "model", "preprocessor.json", change)
    with pytest.raises(FormatError, match=message):
        load(tmp_path / "model")


@pytest.mark.parametrize("tokens", ["keras", "words", "characters", "bpe"])
def test_tokens_normalisation_and_case_are_described(tokens):
    folder, _ = make_folder(text={"tokens": tokens, "vocabulary_size": 310})
    described = folder.preprocessor.describe()
    assert described.startswith("texts: the last 25 tokens of a vocabulary of ")
    assert ("Unicode NFC" in described) == (tokens != "keras")
    assert ("lower case" in described) == (tokens in ("keras", "words"))
    assert ("case kept" in described) == (tokens in ("characters", "bpe"))


def change_tensor(folder, name, change):
    return tensors.to_bytes({**folder.tensors, name: change(folder.tensors[name])})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: np.full_like(a, np.nan), "expected finite values of head.weight"),
        (lambda a: np.full_like(a, np.inf), "expected finite values of head.weight"),
        (lambda a: a.astype(np.float64), "expected head.weight of float32, got float64"),
        (lambda a: a[:, :-1], "expected head.weight of shape"),
        (lambda a: a.reshape(-1), "expected head.weight of shape"),
    ],
    ids=["nan", "infinite", "dtype", "narrower", "flat"],
)
def test_other_weights_are_refused(saved, change, message):
    path, folder = saved
    reseal(path, **{"model.safetensors": change_tensor(folder, "head.weight", change)})
    with pytest.raises(FormatError, match=message):
        load(path)


def test_weights_that_are_not_finite_are_read_when_asked(saved):
    path, folder = saved
    nan = change_tensor(folder, "head.weight", lambda a: np.full_like(a, np.nan))
    reseal(path, **{"model.safetensors": nan})
    assert np.isnan(load(path, allow_nonfinite=True).tensors["head.weight"]).all()


def test_missing_and_further_tensors_are_refused(saved):
    path, folder = saved
    for content, message in (
        ({k: v for k, v in folder.tensors.items() if k != "head.bias"}, "got no head.bias"),
        ({**folder.tensors, "more": np.zeros(1, np.float32)}, "got more as well"),
    ):
        reseal(path, **{"model.safetensors": tensors.to_bytes(content)})
        with pytest.raises(FormatError, match=message):
            load(path)


def test_hostile_headers_of_tensors_are_refused(saved):
    path, _ = saved

    def header(content, data=b"\0" * 8):
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        return struct.pack("<Q", len(text)) + text + data

    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    for bad in (
        b"",
        b"\xff" * 8,
        struct.pack("<Q", 1 << 62) + b"{}",
        header(b"{" * 100_000),
        header({"a": {**entry, "shape": [1 << 40, 1 << 40]}}),
        header({"a": {**entry, "data_offsets": [0, 1 << 60]}}),
        header({"a": {**entry, "data_offsets": [4, 8], "shape": [1]}}),  # a hole
        header({"a": entry, "b": entry}),  # an overlap
        header(
            b'{"a":' + json.dumps(entry).encode() + b',"a":' + json.dumps(entry).encode() + b"}"
        ),
        header({"a": entry}, b"\0" * 16),  # bytes that nobody names
    ):
        for name in ("model.safetensors", "linear.safetensors"):
            (path / name).write_bytes(bad)
            reseal(path)
            with pytest.raises(FormatError):
                load(path)


def test_a_hostile_linear_model_is_refused(saved):
    path, folder = saved
    arrays = folder.linear.to_arrays()
    for name, array, message in (
        ("codes_1", arrays["codes_1"][::-1], "expected codes_1 from 0 on, ascending"),
        ("codes_2", arrays["codes_2"] - (1 << 62), "expected codes_2 from 0 on, ascending"),
        ("codes_1", arrays["codes_1"].astype(np.int32), "expected codes_1 of dtype int64"),
        ("coefficients", arrays["coefficients"] * np.float32(np.nan), "expected finite"),
        ("intercepts", np.zeros((1, 1), np.float32), "of shape"),
        ("intercepts", np.zeros(2, np.float32), "of shape"),
        ("codes_9", arrays["codes_1"], "expected arrays codes_1, codes_2 and so on"),
    ):
        reseal(path, **{"linear.safetensors": tensors.to_bytes({**arrays, name: array})})
        with pytest.raises(FormatError, match=message):
            load(path)


@pytest.mark.parametrize("name", ["config.json", "preprocessor.json", "manifest.json"])
@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b'{"a": 1, "a": 2}', b"[]", b"{", b"\xff", b'{"format": NaN}', b""],
    ids=["deep", "twice", "list", "open", "bytes", "nan", "empty"],
)
def test_what_is_no_json_is_refused(saved, name, content):
    path, _ = saved
    if name == MANIFEST:
        (path / name).write_bytes(content)
    else:
        reseal(path, **{name: content})
    with pytest.raises(FormatError):
        load(path)


def test_nothing_is_read_beyond_its_bound(saved, monkeypatch):
    path, _ = saved
    with (path / "config.json").open("ab") as file:
        file.truncate(1 << 34)  # a file with a hole, 16 GB long
    with pytest.raises(FormatError, match="config.json.*17,179,869,184 bytes, where 1,048,576"):
        load(path)


def test_the_card_is_for_people_and_may_change(saved):
    path, _ = saved
    (path / "README.md").write_text("# Mine\n")
    assert load(path).card == "# Mine\n"


def test_tasks_of_every_kind_come_back(tmp_path):
    for task in (Task("multi-class", ("a", "b", "c")), Task("regression", ("size",))):
        folder, _ = make_folder(task)
        folder.save(tmp_path / task.kind)
        assert load(tmp_path / task.kind).task == task
        content = json_file.parse_object((tmp_path / task.kind / "config.json").read_bytes(), "c")
        assert content["task"] == task.to_json()
