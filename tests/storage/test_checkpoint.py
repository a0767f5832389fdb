"""Checkpoints: what is saved comes back, damage is passed over and told, other runs are refused."""

import copy
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from checkpoint_samples import FINGERPRINT, around_operations, digest, first_tensors
from tidegate.errors import FormatError, RunFolderError
from tidegate.storage.checkpoint import Checkpoints

FILES = ["fingerprint.json", "manifest.json", "state.json", "tensors.safetensors"]
DTYPES = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run" / "checkpoints"


@pytest.fixture
def open_folder(folder):
    """Open the checkpoints, all closed at the end."""
    opened = []

    def open_folder(fingerprint=FINGERPRINT, keep=2):
        for checkpoints in opened:
            checkpoints.close()
        opened.append(Checkpoints(folder, fingerprint=fingerprint, keep=keep))
        return opened[-1]

    yield open_folder
    opened[-1].close()


@pytest.fixture
def two(open_folder):
    """A run with checkpoints of steps 1 and 2."""
    checkpoints = open_folder()
    for step in (1, 2):
        checkpoints.save(step, {**first_tensors(), "number": np.array(step)}, {"step": step})
    return checkpoints


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def newest(checkpoints):
    """The newest checkpoint and what was told."""
    told = []
    return checkpoints.newest(told.append), told


# What is saved comes back


@pytest.mark.parametrize("dtype", DTYPES.split())
def test_tensors_come_back_bit_for_bit(open_folder, dtype):
    bits = np.random.default_rng(7).integers(0, 256, 24 * 16, dtype=np.uint8)
    if dtype == "bool":
        bits = bits % 2
    values = bits.view(dtype)[:24]
    saved = {
        "matrix": values.reshape(2, 3, 4),
        "transposed": values.reshape(2, 3, 4).T,
        "strided": values[::3],
        "backwards": values[::-1],
        "scalar": np.array(values[0]),
        "empty": values[:0].reshape(0, 5),
    }
    open_folder().save(3, saved, {})
    found, told = newest(open_folder())
    assert told == []
    assert found.tensors.keys() == saved.keys()
    for name, tensor in saved.items():
        assert found.tensors[name].dtype == tensor.dtype, name
        assert found.tensors[name].shape == tensor.shape, name
        assert found.tensors[name].tobytes() == tensor.tobytes(), name
        assert found.tensors[name].flags.writeable, name


def test_state_comes_back_as_it_was(open_folder, folder):
    state = {"best": 0.1 + 0.2, "seed": 2**80, "none": None, "list": [1, 2.0, "caf\u00e9"], "": {}}
    path = open_folder().save(12345, {}, state)
    found, _ = newest(open_folder())
    assert (found.step, found.state, found.tensors) == (12345, state, {})
    assert found.fingerprint == FINGERPRINT
    assert found.path == path == folder / "step-00012345"


def test_a_folder_without_checkpoints_has_no_newest(open_folder, folder):
    assert newest(open_folder()) == (None, [])
    assert names(folder) == ["lock"]


def test_equal_checkpoints_are_equal_bytes(tmp_path):
    paths = []
    for name in "ab":
        with Checkpoints(tmp_path / name, fingerprint=FINGERPRINT) as checkpoints:
            paths.append(checkpoints.save(1, first_tensors(), {"a": 1}))
    assert names(paths[0]) == names(paths[1]) == FILES
    for file in FILES:
        assert (paths[0] / file).read_bytes() == (paths[1] / file).read_bytes()


@pytest.mark.parametrize(
    ("keep", "kept"), [(1, [30]), (2, [20, 30]), (3, [10, 20, 30]), (9, [1, 10, 20, 30])]
)
def test_the_last_few_are_kept(open_folder, folder, keep, kept):
    checkpoints = open_folder(keep=keep)
    for step in (1, 10, 20, 30):
        checkpoints.save(step, {}, {})
    assert names(folder) == ["lock", *(f"step-{step:08d}" for step in kept)]


def test_steps_are_ordered_as_numbers(open_folder):
    checkpoints = open_folder()
    for step in (99_999_999, 100_000_000):
        checkpoints.save(step, {}, {})
    assert newest(checkpoints)[0].step == 100_000_000


@pytest.mark.parametrize(
    "state",
    [
        {"a": (1, 2)},
        {"a": {1: 2}},
        {1: None},
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": np.int64(1)},
        {"a": np.zeros(2)},
    ],
    ids=["tuple", "inner key", "key", "nan", "inf", "numpy integer", "array"],
)
def test_a_state_that_would_come_back_otherwise_is_refused(open_folder, folder, state):
    with pytest.raises(ValueError, match="state: expected what JSON"):
        open_folder().save(1, {}, state)
    assert names(folder) == ["lock"]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"a": np.zeros(2, np.longdouble)}, "expected dtypes of safetensors, got float128"),
        ({"a": np.zeros(2, object)}, "expected dtypes of safetensors, got object"),
        ({"__metadata__": np.zeros(2)}, "expected names other than '__metadata__'"),
    ],
)
def test_tensors_that_would_not_come_back_are_refused(open_folder, folder, named, message):
    with pytest.raises(ValueError, match=message):
        open_folder().save(1, named, {})
    assert names(folder) == ["lock"]


@pytest.mark.parametrize("step", [2, 1, 0, -1])
def test_steps_go_forward(two, folder, step):
    with pytest.raises(ValueError, match=f"expected a step after 2, .* got {step}"):
        two.save(step, {}, {})
    assert names(folder) == ["lock", "step-00000001", "step-00000002"]


def test_a_new_run_does_not_write_over_another(two, open_folder, folder):
    with pytest.raises(RunFolderError, match="goes on from the checkpoints in it, got a new one"):
        open_folder().save(3, {}, {})
    assert names(folder) == ["lock", "step-00000001", "step-00000002"]


# Damage


def assert_passed_over(checkpoints, folder, message):
    found, told = newest(checkpoints)
    assert found.step == 1
    assert digest(found.tensors) == digest({**first_tensors(), "number": np.array(1)})
    assert len(told) == 1
    beginning = f"checkpoint {folder / 'step-00000002'} is damaged and passed over: "
    assert told[0].startswith(beginning + message), told[0]
    assert told[0].endswith("; that of step 1 is used instead")


@pytest.mark.parametrize("flip", [0x01, 0x20, 0xFF])
@pytest.mark.parametrize("file", FILES)
def test_a_byte_altered_anywhere_is_seen(two, folder, file, flip):
    path = folder / "step-00000002" / file
    whole = path.read_bytes()
    # An altered manifest may seem to say that another file is altered.
    message = "" if file == "manifest.json" else f"{file}: expected sha256 "
    for place in range(len(whole)):
        altered = bytearray(whole)
        altered[place] ^= flip
        path.write_bytes(altered)
        assert_passed_over(two, folder, message)
    path.write_bytes(whole)
    assert newest(two)[0].step == 2


@pytest.mark.parametrize("file", FILES)
def test_a_file_cut_or_grown_is_seen(two, folder, file):
    path = folder / "step-00000002" / file
    whole = path.read_bytes()
    message = "manifest.json: " if file == "manifest.json" else f"{file}: expected bytes "
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert_passed_over(two, folder, message)
    for addition in (b"\n", b" ", b"\0", whole):
        path.write_bytes(whole + addition)
        assert_passed_over(two, folder, message)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(two, folder, file):
    (folder / "step-00000002" / file).unlink()
    left = ", ".join(name for name in FILES if name != file)
    assert_passed_over(two, folder, f"expected the files {', '.join(FILES)}, got {left};")


def test_a_file_too_many_is_named(two, folder):
    (folder / "step-00000002" / "more").touch()
    assert_passed_over(two, folder, f"expected the files {', '.join(FILES)}, got fingerprint.json,")


def test_what_is_no_folder_or_no_file_is_named(two, folder):
    path = folder / "step-00000002"
    (path / "state.json").unlink()
    (path / "state.json").mkdir()
    assert_passed_over(two, folder, "state.json: expected to read it, got: Is a directory")
    path.rename(folder / "elsewhere")
    path.touch()
    assert_passed_over(two, folder, "step-00000002: expected to read it, got: Not a directory")


def test_a_checkpoint_under_another_step_is_seen(two, folder):
    (folder / "step-00000002").rename(folder / "step-00000005")
    found, told = newest(two)
    assert found.step == 1
    assert "manifest.json: expected that of step-00000005 and its files, got another" in told[0]


@pytest.mark.parametrize("change", ["format", "tensors"])
def test_a_manifest_of_another_kind_is_seen(two, folder, change):
    path = folder / "step-00000002" / "manifest.json"
    content = json.loads(path.read_text())
    if change == "format":
        content["format"] = "tidegate.checkpoint/9"
        message = "expected format 'tidegate.checkpoint/1', got 'tidegate.checkpoint/9'"
    else:
        content["tensors"]["more"] = "float32 [2]"
        message = "expected that of step-00000002 and its files, got another"
    path.write_text(json.dumps(content, indent=1) + "\n")
    assert_passed_over(two, folder, f"manifest.json: {message}")


def test_all_damaged_is_an_error_and_no_fresh_start(two, open_folder, folder):
    for step in (1, 2):
        (folder / f"step-{step:08d}" / "state.json").write_text("{}")
    checkpoints = open_folder()
    with pytest.raises(FormatError) as error:
        newest(checkpoints)
    message = str(error.value)
    assert message.startswith(f"checkpoints {folder}: expected one that is whole, got only damaged")
    assert "step-00000002 (state.json: expected bytes" in message
    assert "step-00000001 (state.json: expected bytes" in message
    with pytest.raises(RunFolderError, match="got a new one"):
        checkpoints.save(3, {}, {})
    assert names(folder) == ["lock", "step-00000001", "step-00000002"]


@pytest.mark.parametrize("step", [2, 5], ids=["same step", "later step"])
def test_a_damaged_one_makes_room_once_the_run_is_past_it(two, open_folder, folder, step):
    (folder / "step-00000002" / "manifest.json").write_text("")
    checkpoints = open_folder()
    assert newest(checkpoints)[0].step == 1
    checkpoints.save(step, {}, {"again": True})
    assert names(folder) == ["lock", "step-00000001", f"step-{step:08d}"]
    found, told = newest(open_folder())
    assert (found.step, found.state, told) == (step, {"again": True}, [])


# The run it belongs to


def changed(section, **values):
    fingerprint = copy.deepcopy(FINGERPRINT)
    fingerprint[section].update(values)
    return fingerprint


@pytest.mark.parametrize("allow_inexact", [False, True])
@pytest.mark.parametrize(
    ("fingerprint", "message"),
    [
        (changed("configuration", cell="lstm"), 'configuration.cell was "gru", is "lstm";'),
        (changed("configuration", dropout=0.5), "configuration.dropout was absent, is 0.5;"),
        (changed("data", sha256="00"), 'data.sha256 was "5e1f", is "00";'),
        ({"configuration": FINGERPRINT["configuration"]}, 'data.sha256 was "5e1f", is absent;'),
    ],
    ids=["value", "new key", "data", "missing sections"],
)
def test_another_run_is_refused(two, open_folder, fingerprint, message, allow_inexact):
    with pytest.raises(RunFolderError, match="expected the run that saved it") as error:
        open_folder(fingerprint).newest(pytest.fail, allow_inexact=allow_inexact)
    assert message in str(error.value)


def test_other_means_are_refused_unless_allowed(two, open_folder, folder):
    checkpoints = open_folder(changed("exactness", isa="avx512", torch="2.14.0"))
    differences = 'exactness.torch was "2.13.0", is "2.14.0"; exactness.isa was "avx2", is "avx512"'
    with pytest.raises(RunFolderError, match="expected what computed it") as error:
        checkpoints.newest(pytest.fail)
    assert differences in str(error.value)
    told = []
    assert checkpoints.newest(told.append, allow_inexact=True).step == 2
    assert told == [
        f"checkpoint {folder / 'step-00000002'} is resumed inexactly, and the run may end with "
        f"other bits: {differences}"
    ]


def test_the_order_of_keys_makes_no_other_run(two, open_folder):
    backwards = {key: dict(reversed(FINGERPRINT[key].items())) for key in reversed(FINGERPRINT)}
    assert open_folder(backwards).newest(pytest.fail).step == 2


# One writer


def test_a_second_writer_is_told_who_holds_the_folder(two, folder):
    program = (
        "import sys; from pathlib import Path; from tidegate.storage.checkpoint import *\n"
        "Checkpoints(Path(sys.argv[1]), fingerprint={})"
    )
    second = [sys.executable, "-c", program, folder]
    refused = subprocess.run(second, stderr=subprocess.PIPE, text=True)
    assert refused.stderr.splitlines()[-1] == (
        f"tidegate.errors.RunFolderError: run folder {folder}: expected a folder that nobody else "
        f"writes, got one held by process {os.getpid()}; wait for it or end it, or choose another "
        "folder"
    )
    two.close()
    assert subprocess.run(second).returncode == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="file: expected to lock it, got: Not a directory"):
        Checkpoints(tmp_path / "file", fingerprint={})


def test_keep_must_leave_one(folder):
    with pytest.raises(ValueError, match="expected keep of at least 1, got 0"):
        Checkpoints(folder, fingerprint={}, keep=0)


# The order of operations


def test_everything_is_synced_before_it_is_named_and_named_before_others_go(two, folder):
    done, opened = [], {}

    def record(number, name, operation, arguments):
        result = operation(*arguments)
        if name == "create":
            opened[result] = arguments[0].name
        places = [opened.get(a, getattr(a, "name", None)) for a in arguments]
        done.append((name, *(place for place in places if place)))
        return result

    with around_operations(record):
        two.save(3, first_tensors(), {})
    new, old = done[0][1], "step-00000001"
    assert new.startswith(f".step-00000003.{os.getpid()}.")
    gone = next(operation[2] for operation in done if operation[:2] == ("rename", old))
    files = ["tensors.safetensors", "state.json", "fingerprint.json", "manifest.json"]
    assert done == [
        ("make_folder", new),
        *((name, file) for file in files for name in ("create", "write", "sync", "close")),
        ("sync_folder", new),
        ("rename", new, "step-00000003"),
        ("sync_folder", "checkpoints"),
        ("rename", old, gone),
        *(("remove", file) for file in sorted(files)),
        ("remove_folder", gone),
    ]
