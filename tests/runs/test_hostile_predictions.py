"""``predictions.npz`` of a stranger: no code, no more memory than it is long, and what fits."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from report_samples import make_results
from tidegate.errors import FormatError
from tidegate.runs import results as results_file
from tidegate.storage import arrays


@pytest.fixture
def run(tmp_path):
    """A run of two cells with a linear model, on ten test examples."""
    make_results(("lstm", "gru"), num_test=10, linear=0.8).save(tmp_path)
    return tmp_path / "predictions.npz"


def refused(path, *texts):
    with pytest.raises(FormatError) as error:
        results_file.load(path.parent)
    for text in (str(path), *texts, "remove results.json and go on with --resume"):
        assert text in str(error.value), (text, str(error.value))


def npy(array):
    """The bytes of an .npy file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, (1, 0))
    return file.getvalue()


def zipped(path, compress=zipfile.ZIP_STORED, **members):
    """Write a zip archive with these members beside those that are there."""
    found = {f"{name}.npy": npy(array) for name, array in np.load(path).items()}
    with zipfile.ZipFile(path, "w", compress) as archive:
        for name, content in (found | members).items():
            archive.writestr(name, content)


class Executed:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def test_what_was_saved_comes_back(run):
    saved = make_results(("lstm", "gru"), num_test=10, linear=0.8)
    found = results_file.load(run.parent)
    assert found.models == saved.models
    assert found.task == saved.task
    assert {*found.predictions} == {*saved.predictions}
    for name, array in saved.predictions.items():
        np.testing.assert_array_equal(found.predictions[name], array)
    np.testing.assert_array_equal(found.targets, saved.targets)


def test_predictions_of_a_model_that_is_not_there_yet_are_passed_over(run):
    """As a run leaves them that is killed between the two files."""
    zipped(run, **{"gru-seed1.npy": npy(np.ones((3, 3)))})
    assert "gru-seed1" not in results_file.load(run.parent).predictions


def test_pickled_objects_are_not_read(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    file = io.BytesIO()
    np.lib.format.write_array(file, np.array([Executed()]), allow_pickle=True)
    zipped(run, **{"targets.npy": file.getvalue()})
    refused(run, "'targets.npy' of object, where only int64 and float64 are read")
    run.write_bytes(pickle.dumps(Executed()))
    refused(run, "expected an .npz file, got another")
    assert not (tmp_path / "executed").exists()


def test_a_header_cannot_ask_for_memory(run):
    large = npy(np.zeros(4)).replace(b"(4,), }" + 14 * b" ", b"(1099511627776, 4), }")
    assert b"1099511627776" in large
    zipped(run, **{"targets.npy": large})
    refused(run, "'targets.npy' of shape (1099511627776, 4) in 32 bytes")


def test_compressed_arrays_are_not_read(run):
    zipped(run, zipfile.ZIP_DEFLATED, **{"bomb.npy": npy(np.zeros(1 << 20))})
    refused(run, "more or larger arrays than fit in it")
    np.savez_compressed(run, targets=np.random.default_rng(0).random(100))
    refused(run, "'targets.npy', which is compressed or no .npy file")


@pytest.mark.parametrize(
    ("name", "array", "text"),
    [
        ("targets", np.arange(9) % 2, "targets of shape (9,), where N is 10"),
        ("targets", np.arange(10) % 3, "expected targets from 0 to 1, got others"),
        ("targets", np.zeros(10), "expected targets of int64 and shape (10,), got float64"),
        ("targets", np.int64(1), "targets of shape (), where N is 10"),
        ("gru-seed0", np.ones((10, 3)), "gru-seed0 of float64 and shape (10, 3), not (10, 2)"),
        ("linear", np.ones((10, 2), int), "linear of int64 and shape (10, 2), not (10, 2)"),
        ("linear", np.full((10, 2), 2.0), "linear with other predictions than those from 0 to 1"),
        ("linear", np.full((10, 2), np.nan), "linear with other predictions than those from"),
    ],
    ids=["fewer", "a class", "a dtype", "no list", "classes", "whole numbers", "large", "NaN"],
)
def test_arrays_fit_the_results(run, name, array, text):
    zipped(run, **{f"{name}.npy": npy(np.asarray(array))})
    refused(run, "expected what results.json has", text)


def test_a_missing_array_is_named(run):
    kept = {name: array for name, array in np.load(run).items() if name != "gru-seed0+linear"}
    run.write_bytes(arrays.to_bytes(kept))
    refused(run, "no array gru-seed0+linear")


def test_damage_is_named(run):
    content = run.read_bytes()
    for broken in (content[:-40], content[: len(content) // 2], b"", b"PK"):
        run.write_bytes(broken)
        refused(run, "expected an .npz file, got another")
    run.write_bytes(content.replace(b"NUMPY", b"NUMBY"))
    refused(run, "expected an .npz file, got another: Bad CRC-32 for file 'targets.npy'")
    run.write_bytes(content)
    zipped(run, **{"linear.npy": b"text"})
    refused(run, "expected arrays in an .npz file")
    with run.open("wb") as file:
        file.truncate(results_file.MOST_BYTES + 1)
    refused(run, "bytes, where 1,073,741,824 are the most")
    run.unlink()
    refused(run, "expected the predictions of results.json, got none")
    run.symlink_to(run.parent / "results.json")
    refused(run, "a symbolic link")
