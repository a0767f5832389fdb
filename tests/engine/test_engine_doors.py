"""Integers that no memory holds, at every door of the engine: refused, with what was asked for."""

import numpy as np
import pytest

from tidegate import engine
from tidegate.errors import ThreadsError

W = engine.Weights(np.zeros((1, 2), np.float32), np.zeros((1, 1), np.float32))
MEMORY = np.zeros(64)
HERE = MEMORY.ctypes.data
NUMBERS = np.zeros((1, 7))
BEYOND = [2**63, 2**64, -(2**63) - 1, 10**40]


def table(**changes):
    given = {"num_rows": 0, "width": 0, "param": 0, "m": 0, "v": 0, "row_step": 0}
    return engine.AdamTable(dtype="float32", **given | changes)


DOORS = {
    "reserve_bytes": lambda n: engine.reserve_bytes(
        cell="lstm", dtype="float32", hidden_size=n, num_positions=1
    ),
    "kept_memory": lambda n: engine.kept_memory(num_bytes=n * 2 if n > 0 else n),
    "keep_mask": lambda n: engine.keep_mask(key=0, threshold=1, scale=1.0, mask=HERE, count=n),
    "threshold": lambda n: engine.keep_mask(key=0, threshold=n, scale=1.0, mask=HERE, count=1),
    "pool_rows": lambda n: engine.pool_rows(
        dtype="float32",
        num_rows=n,
        num_positions=0,
        num_features=1,
        offsets=HERE,
        values=HERE,
        stride=1,
    ),
    "unpool_rows": lambda n: engine.unpool_rows(
        dtype="float32",
        num_rows=0,
        num_positions=n,
        num_features=1,
        offsets=HERE,
        stride=1,
        grad_values=HERE,
    ),
    "AdamTable": lambda n: table(num_rows=n),
    "check_rows": lambda n: table().check_rows(HERE, n, 0, False),
    "step_rows": lambda n: table().step_rows(HERE, n, HERE, NUMBERS, 1, False),
    "catch_up": lambda n: table().catch_up(HERE, n, NUMBERS, 1),
    "Stepper": lambda n: engine.Stepper("rnn_tanh", W, batch_size=n),
    "set_num_threads": engine.set_num_threads,
}


@pytest.mark.parametrize("number", BEYOND, ids=["2^63", "2^64", "below", "10^40"])
@pytest.mark.parametrize("door", DOORS)
def test_integers_beyond_64_bits(door, number):
    with pytest.raises(ValueError, match=r"expected .*, got -?\d+$"):
        DOORS[door](number)


@pytest.mark.parametrize("number", [2**62, -(2**62), -1], ids=["2^62", "-2^62", "-1"])
@pytest.mark.parametrize("door", [name for name in DOORS if name != "kept_memory"])
def test_integers_whose_bytes_no_memory_holds(door, number):
    with pytest.raises(ValueError, match=r"expected .*, got -?\d+[\d *-]*$"):
        DOORS[door](number)


def test_what_was_asked_for_is_said():
    with pytest.raises(ThreadsError, match=f"-2147483648 to 2147483647, got {2**40}"):
        engine.set_num_threads(2**40)
    with pytest.raises(MemoryError, match=f"expected {2**60} bytes of memory, got none"):
        engine.kept_memory(num_bytes=2**60)
    with pytest.raises(MemoryError, match=r"expected \d{14,} bytes of memory, got none"):
        engine.Stepper("rnn_tanh", W, batch_size=2**42)


@pytest.mark.parametrize("count", [1, 2**40])
def test_an_address_of_0_has_no_elements(count):
    spans = np.array([[0, count]])
    parts = np.array([[HERE, 0, HERE, HERE, count]])
    for call in (
        lambda: engine.sum_of_squares("float32", spans),
        lambda: engine.multiply("float32", spans, 2.0),
        lambda: engine.adam_dense("float32", parts, NUMBERS),
        lambda: engine.keep_mask(key=0, threshold=1, scale=1.0, mask=0, count=count),
        lambda: table(num_rows=count, row_step=HERE, width=1),
        lambda: table(num_rows=count),
        lambda: table().check_rows(0, count, 0, False),
        lambda: table().step_rows(0, count, HERE, NUMBERS, 1, True),
        lambda: engine.pool_rows(
            dtype="float32",
            num_rows=1,
            num_positions=count,
            num_features=1,
            offsets=0,
            values=HERE,
            stride=1,
        ),
    ):
        with pytest.raises(ValueError, match=r"engine: expected .*, got (an address of 0|none)"):
            call()


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_measurement_ends(seconds):
    with pytest.raises(ValueError, match="seconds from 0 to 60"):
        engine.fma_peak("float32", seconds)
