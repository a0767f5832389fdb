"""Model folders and results: what is written comes back, and damage is named."""

import dataclasses
import json

import numpy as np
import pytest

from tidegate.errors import FormatError
from tidegate.runs.language_model_folder import LanguageModelFolder, load
from tidegate.storage.atomic import new_folder, write_text

FILES = ["README.md", "config.json", "manifest.json", "model.safetensors", "vocabulary.json"]


@pytest.fixture
def folder(tmp_path):
    content = LanguageModelFolder(
        config={"architecture": {"cell": "gru"}},
        tensors={"weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 7},
        vocabulary={"words": ["the", "caf\u00e9"]},
        card="# A card\n",
    )
    content.save(tmp_path / "models" / "gru")
    return tmp_path / "models" / "gru", content


def test_a_model_folder_comes_back_as_it_was(folder):
    path, content = folder
    found = load(path)
    assert (found.config, found.vocabulary, found.card) == (
        content.config,
        content.vocabulary,
        content.card,
    )
    np.testing.assert_array_equal(found.tensors["weight"], content.tensors["weight"])
    assert sorted(file.name for file in path.iterdir()) == FILES


def test_equal_models_give_equal_bytes(folder):
    path, content = folder
    content.save(path.with_name("again"))
    for name in FILES:
        assert (path / name).read_bytes() == (path.with_name("again") / name).read_bytes()


def test_a_folder_is_never_overwritten(folder):
    path, content = folder
    with pytest.raises(FileExistsError):
        content.save(path)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    path, _ = folder
    (path / name).unlink()
    with pytest.raises(
        FormatError,
        match=f"language model with .*, got one without {name}; copy it whole",
    ):
        load(path)


@pytest.mark.parametrize("name", FILES[1:])
def test_a_file_cut_anywhere_is_named(folder, name):
    path, _ = folder
    whole = (path / name).read_bytes()
    for length in range(len(whole) - 1):
        (path / name).write_bytes(whole[:length])
        with pytest.raises(FormatError, match=name):
            load(path)


def test_parameters_that_are_views_keep_their_values(folder):
    path, content = folder
    views = {
        "transposed": content.tensors["weight"].T,
        "strided": content.tensors["weight"][:, ::2],
    }
    dataclasses.replace(content, tensors=views).save(path.with_name("views"))
    found = load(path.with_name("views")).tensors
    np.testing.assert_array_equal(found["transposed"], views["transposed"])
    np.testing.assert_array_equal(found["strided"], views["strided"])


def test_another_format_is_refused(folder):
    path, _ = folder
    (path / "manifest.json").write_text(json.dumps({"format": "tidegate.model/9"}))
    with pytest.raises(
        FormatError,
        match="manifest.json: expected format 'tidegate.language-model/1', got 'tidegate.model/9'",
    ):
        load(path)
    (path / "manifest.json").write_text("[]")
    with pytest.raises(FormatError, match="expected a JSON object, got a list"):
        load(path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    write_text(path, "old")

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_a_folder_that_fails_half_way_leaves_nothing(tmp_path):
    def fail():
        with new_folder(tmp_path / "model") as write:
            write("config.json", b"{}")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
