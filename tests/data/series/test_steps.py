"""Growing arrays: in memory, and in a temporary file."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tidegate.data.series import steps
from tidegate.data.series.steps import StepBuffer, release_pages


@pytest.mark.parametrize("most", [0, 50, 1 << 20])
@pytest.mark.parametrize("width", [None, 3])
def test_chunks_become_one_array(monkeypatch, most, width):
    monkeypatch.setattr(steps, "MOST_BYTES_IN_MEMORY", most)
    buffer = StepBuffer(np.float32, width)
    shape = (-1,) if width is None else (-1, width)
    expected = np.arange(60, dtype=np.float64).reshape(shape)
    for start in range(0, len(expected), 4):
        buffer.append(expected[start : start + 4])
    array = buffer.array()
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, expected)
    assert isinstance(array, np.memmap) == (most < 240)
    buffer.append(expected[:2])
    assert len(buffer.array()) == len(expected) + 2
    assert len(array) == len(expected)


def test_an_empty_one():
    assert StepBuffer(np.float32, 2).array().shape == (0, 2)


def resident_kb():
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("RssFile:")[1].split()[0])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and pages are released on Linux")
def test_pages_of_a_map_are_given_back(monkeypatch):
    monkeypatch.setattr(steps, "MOST_BYTES_IN_MEMORY", 0)
    buffer = StepBuffer(np.float32, 4)
    buffer.append(np.ones((1 << 21, 4)))
    array = buffer.array()
    assert array.sum(dtype=np.float64) == 1 << 23
    before = resident_kb()
    release_pages(array[5:].view(np.ndarray))
    assert before - resident_kb() > 20_000  # of 32 MB
    assert array.sum(dtype=np.float64) == 1 << 23


def test_changed_values_are_kept(tmp_path):
    np.save(tmp_path / "values.npy", np.zeros(5))
    copied = np.load(tmp_path / "values.npy", mmap_mode="c")
    copied[2] = 7
    copied.flags.writeable = False
    in_memory = np.arange(3)
    for array in (copied, copied[1:], in_memory, None):
        release_pages(array)
    np.testing.assert_array_equal(copied, [0, 0, 7, 0, 0])
    np.testing.assert_array_equal(in_memory, [0, 1, 2])
