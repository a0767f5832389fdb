"""Memory that the engine keeps from one call for the next."""

import resource

import numpy as np
import pytest
import torch

from tidegate import engine, nn


def test_memory_is_kept_for_the_next_and_is_nobody_elses():
    size = 3 << 20
    first, second = (engine.kept_memory(num_bytes=size) for _ in range(2))
    first[:], second[:] = 1, 2
    assert (first == 1).all()
    address = first.ctypes.data
    view = first[5:]
    del first
    third = engine.kept_memory(num_bytes=size)
    third[:] = 3
    assert (view == 1).all(), "a view still reads it"
    del view
    fourth = engine.kept_memory(num_bytes=size)
    assert fourth.ctypes.data == address


@pytest.mark.parametrize("num_bytes", [0, 1, 100, (2 << 20) - 1, (2 << 20) + 1])
def test_memory_is_as_large_as_was_asked(num_bytes):
    memory = engine.kept_memory(num_bytes=num_bytes)
    assert memory.shape == (num_bytes,)
    assert memory.dtype == np.uint8
    memory[:] = 255


def test_more_memory_than_there_is_is_a_memory_error():
    with pytest.raises(MemoryError):
        engine.kept_memory(num_bytes=1 << 60)


def test_a_training_step_takes_no_fresh_memory_after_the_first():
    """The bytes for backward, 42 MB here, are beyond what the C library keeps."""
    layer = nn.GRU(64, 128)
    x = torch.ones(320, 64, 64)
    loss = layer(x)[0].sum()
    loss.backward()

    def faults():
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    del loss
    before = faults()
    output, _ = layer(x)
    fresh = (faults() - before) * resource.getpagesize()
    assert fresh < 1.5 * output.numel() * output.element_size()


def test_two_steps_under_way_keep_what_is_theirs():
    torch.manual_seed(0)
    layer = nn.GRU(16, 64, dtype=torch.float64)
    inputs = [torch.randn(60, 32, 16, dtype=torch.float64) for _ in range(2)]
    alone = []
    for x in inputs:
        layer.zero_grad()
        layer(x)[0].square().sum().backward()
        alone.append([p.grad.clone() for p in layer.parameters()])
    losses = [layer(x)[0].square().sum() for x in inputs]
    for loss, wanted in zip(reversed(losses), reversed(alone), strict=True):
        layer.zero_grad()
        loss.backward()
        for parameter, grad in zip(layer.parameters(), wanted, strict=True):
            assert torch.equal(parameter.grad, grad)
