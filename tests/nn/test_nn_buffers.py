"""Arrays that a loader fills anew between forward and backward, unseen by autograd."""

import subprocess
import sys

import pytest

# Gradients of a call whose array, shared with a tensor, has changed before backward, beside those
# of one whose array has not. In a process of its own, which a write past memory would end.
CODE = """
import sys

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

import tidegate.nn as tn

kind, T, N, I, H = sys.argv[1], 60, 64, 8, 16
torch.manual_seed(0)
layer = tn.LSTM(I, H, num_layers=2, bidirectional=True)
encoder = tn.TextEncoder(nn.Embedding(5000, I), layer)
x, flat = torch.randn(T, N, I), torch.randn(T * N, I)
ones, bounds = np.ones(N, np.int64), np.arange(N + 1) * T
ids = np.random.Generator(np.random.PCG64(0)).permutation(5000)[: T * N].reshape(T, N)
before, after, call = {
    "ids": (ids * 0, ids, lambda given: encoder(given)[0]),
    "ids, transposed": (ids.T * 0, ids.T, lambda given: encoder(given.T)[0]),
    "lengths": (ones, ones * T, lambda given: layer(x, lengths=given)[0]),
    "offsets": (bounds, bounds * 10**6, lambda given: layer(flat, offsets=given)[0]),
    "sizes": (
        np.full(T, N),
        np.full(T, 10**6),
        lambda given: layer(PackedSequence(flat, given))[0].data,
    ),
    "pooled": (bounds, bounds * 0 + 5, lambda given: tn.pool(flat, given, "mean+max")),
}[kind]
inputs = [flat.requires_grad_()] if kind == "pooled" else [*encoder.parameters()]
found = []
for is_filled_anew in (False, True):
    array = before.copy()
    result = call(torch.from_numpy(array)).sin().sum()
    if is_filled_anew:
        array[:] = after
    found.append(torch.autograd.grad(result, inputs, allow_unused=True))
for expected, gradient in zip(*found):
    assert (expected is None) == (gradient is None)
    assert expected is None or torch.equal(expected, gradient)
print("equal")
"""


@pytest.mark.parametrize(
    "kind", ["ids", "ids, transposed", "lengths", "offsets", "sizes", "pooled"]
)
def test_an_array_that_is_filled_anew_changes_no_gradient(kind):
    done = subprocess.run([sys.executable, "-c", CODE, kind], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "equal\n"), done.stderr
