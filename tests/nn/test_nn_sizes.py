"""Sizes beyond 64 bits, or beyond the memory there is: refused in a line, with the numbers."""

from functools import partial

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import tidegate.nn as tn

# A constructor, the parameter that is the first too large, and what its message shows of it.
BEYOND = {
    "input": (partial(tn.GRU, 2**63, 4), "weight_ih_l0", "(12, 9223372036854775808)"),
    "units": (partial(tn.GRU, 4, 2**62), "weight_ih_l0", "(13835058055282163712, 4)"),
    "state": (partial(tn.LSTM, 4, 2**31), "weight_hh_l0", "(8589934592, 2147483648)"),
    "dtype": (
        partial(tn.RNN, 4, 2**30, dtype=torch.float64),
        "weight_hh_l0",
        "(1073741824, 1073741824) of torch.float64",
    ),
    "meta": (
        partial(tn.GRU, 4, 2**31, device="meta"),
        "weight_hh_l0",
        "(6442450944, 2147483648) of torch.float32",
    ),
    "cell": (partial(tn.GRUCell, 2**63, 4), "weight_ih", "(12, 9223372036854775808)"),
    "no input": (partial(tn.GRUCell, 0, 2**62), "weight_ih", "(13835058055282163712, 0)"),
    "pooling": (partial(tn.AttentionPooling, 2**63), "weight", "(9223372036854775808,)"),
}


@pytest.mark.parametrize("case", BEYOND)
def test_sizes_beyond_64_bits_are_refused(case):
    make, name, shape = BEYOND[case]
    with pytest.raises(ValueError, match=f"expected {name} of fewer than 2") as caught:
        make()
    message = str(caught.value)
    assert message.startswith(f"{make.func.__name__}: expected {name} of fewer than 2^63 bytes, ")
    assert f"got shape {shape}" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("make", "num_bytes"),
    [
        (partial(tn.GRU, 2**40, 4), 4 * (12 * 2**40 + 12 * 4 + 24)),
        (partial(tn.GRUCell, 2**40, 4, bias=False), 4 * (12 * 2**40 + 12 * 4)),
        (partial(tn.LSTM, 1, 2**16, num_layers=200, bias=False), None),
        (partial(tn.AttentionPooling, 2**45, dtype=torch.float64), 8 * 2**45),
    ],
    ids=["layer", "cell", "many layers", "pooling"],
)
def test_sizes_beyond_memory_are_refused(make, num_bytes):
    where = make.func.__name__
    with pytest.raises(MemoryError, match=f"{where}: expected parameters of at most the .* bytes"):
        make()
    if num_bytes is not None:
        with pytest.raises(MemoryError, match=f"got {num_bytes:,} bytes: weight"):
            make()


def test_the_memory_that_is_left_counts(monkeypatch):
    monkeypatch.setattr(
        "tidegate.nn._parameters.available_bytes", lambda: (300 << 20, "left by a test")
    )
    with pytest.raises(MemoryError, match="the 314,572,800 bytes left by a test, got 671,088,640"):
        tn.RNN(12_288, 8_192, bias=False)


def test_layers_that_take_no_memory_may_be_large():
    assert tn.GRU(2**40, 4, device="meta").weight_ih_l0.shape == (12, 2**40)
    with torch.device("meta"):
        assert tn.GRUCell(2**40, 4).weight_ih.shape == (12, 2**40)
    with FakeTensorMode():
        assert tn.GRU(2**40, 4).weight_ih_l0.shape == (12, 2**40)
