"""A language model's folder from a stranger or a bad disk: refused, and never waited for."""

import json
import os
import struct

import numpy as np
import pytest

from tidegate.errors import FormatError
from tidegate.runs.language_model_folder import LAYOUT, LanguageModelFolder, load
from tidegate.storage import json_file
from tidegate.storage.carded_folder import MOST_CARD_BYTES
from tidegate.storage.sealed_folder import MOST_MANIFEST_BYTES

SIZES = {**LAYOUT.most_bytes, "manifest.json": MOST_MANIFEST_BYTES, "README.md": MOST_CARD_BYTES}
"""The most bytes of each file."""


def save(path, **changes):
    """A small model folder."""
    values = {
        "config": {"architecture": {"cell": "gru"}},
        "tensors": {"weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 7},
        "vocabulary": {"words": ["the", "caf\u00e9"]},
        "card": "# A card\n",
    }
    LanguageModelFolder(**values | changes).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    return save(tmp_path / "model")


@pytest.mark.parametrize("flip", [0x01, 0x20, 0xFF])
@pytest.mark.parametrize("name", [*LAYOUT.most_bytes, "manifest.json"])
def test_a_bit_flipped_anywhere_is_seen(folder, name, flip):
    whole = (folder / name).read_bytes()
    # An altered manifest may seem to say that another file is altered.
    text = "" if name == "manifest.json" else f"{name}: expected sha256 [0-9a-f]{{64}}, got "
    for place in range(len(whole)):
        altered = bytearray(whole)
        altered[place] ^= flip
        (folder / name).write_bytes(altered)
        with pytest.raises(FormatError, match=f"^{folder}/{text}"):
            load(folder)
    (folder / name).write_bytes(whole)
    assert load(folder).vocabulary == {"words": ["the", "caf\u00e9"]}


def test_the_card_may_be_added_to(folder):
    (folder / "README.md").write_text("# Another")
    assert load(folder).card == "# Another"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
@pytest.mark.parametrize("name", SIZES)
def test_what_is_no_regular_file_is_named(folder, tmp_path, name, kind):
    (folder / name).rename(tmp_path / name)
    if kind == "link":
        (folder / name).symlink_to(tmp_path / name)
    elif kind == "pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).mkdir()
    what = {"link": "a symbolic link", "pipe": "a named pipe", "folder": "Is a directory"}[kind]
    with pytest.raises(FormatError, match=f"^{folder / name}: expected to read it, got: {what}"):
        load(folder)


def test_the_folder_itself_may_be_a_link(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert load(tmp_path / "link").config == {"architecture": {"cell": "gru"}}


@pytest.mark.parametrize("name", SIZES)
def test_a_file_too_large_is_not_read(folder, name):
    with (folder / name).open("ab") as file:
        file.truncate(SIZES[name] + 1)  # of which the disk holds next to nothing
    with pytest.raises(FormatError, match=f"{name}: .* bytes, where {SIZES[name]:,} are the most"):
        load(folder)


def seal_anew(folder, name, content):
    """Replace a file, as one does who knows how folders are sealed."""
    whole = load(folder)
    contents = {file: (folder / file).read_bytes() for file in LAYOUT.most_bytes}
    contents[name] = content
    for file, sealed in LAYOUT.seal(contents, whole.tensors).items():
        (folder / file).write_bytes(sealed)


@pytest.mark.parametrize("name", ["config.json", "vocabulary.json"])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"[" * 100_000, "expected JSON, got more than 32 lists and objects in one another"),
        (b'{"a": 1, "a": 2}', "expected JSON, got the key 'a' twice"),
        (b'{"a": NaN}', "expected JSON, got the number NaN, which is not finite"),
        (b'{"a": "\xff"}', "expected JSON, got 'utf-8' codec can't decode"),
        (b"[]", "expected a JSON object, got a list"),
    ],
    ids=["deep", "a key twice", "no number", "not UTF-8", "a list"],
)
def test_json_that_is_sealed_is_bounded_too(folder, name, content, text):
    seal_anew(folder, name, content)
    with pytest.raises(FormatError, match=f"^{folder / name}: {text}"):
        load(folder)


def test_the_manifest_is_bounded_too(folder):
    (folder / "manifest.json").write_bytes(b"[" * 100_000)
    with pytest.raises(FormatError, match=r"manifest.json: expected JSON, got more than 32 lists"):
        load(folder)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ({"weight": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 24]}}, "safetensors"),
        ({"weight": {"dtype": "F32", "shape": [6], "data_offsets": [0, 1 << 40]}}, "safetensors"),
        ({"weight": {"dtype": "BF16", "shape": [12], "data_offsets": [0, 24]}}, "dtypes of NumPy"),
        ({"other": {"dtype": "F32", "shape": [6], "data_offsets": [0, 24]}}, "and its files, got"),
    ],
    ids=["shape", "offsets", "dtype", "name"],
)
def test_a_header_that_lies_is_refused(folder, header, text):
    encoded = json.dumps(header).encode()
    seal_anew(
        folder, "model.safetensors", struct.pack("<Q", len(encoded)) + encoded + bytes(range(24))
    )
    with pytest.raises(FormatError, match=text):
        load(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_pass_if_they_are_asked_for(tmp_path, value):
    saved = {"weight": np.array([[1, value]], np.float32), "bias": np.ones(2, np.float32)}
    path = save(tmp_path / "model", tensors=saved)
    with pytest.raises(
        FormatError,
        match="model.safetensors: expected finite values of weight, got 1 of 2 that are NaN or inf",
    ):
        load(path)
    found = load(path, allow_nonfinite=True).tensors
    np.testing.assert_array_equal(found["weight"], saved["weight"])


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32"])
def test_another_dtype_is_refused_at_once(tmp_path, dtype):
    path = save(tmp_path / "model", tensors={"weight": np.ones(2, dtype)})
    with pytest.raises(FormatError, match=f"expected weight of float32, got {dtype}"):
        load(path, allow_nonfinite=True)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        [[[]]],
        {"a": [1, 2.5, None, True, "caf\u00e9"]},
        2**80,
        0.1,
        "a",
        json.loads("[" * 32 + "]" * 32),
    ],
    ids=repr,
)
def test_json_comes_back_as_it_was(value):
    assert json_file.parse(json.dumps(value)) == value
