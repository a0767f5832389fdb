"""Growing arrays: in memory, and in a temporary file."""

import numpy as np
import pytest

from tidegate.data.series import steps
from tidegate.data.series.steps import StepBuffer


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
