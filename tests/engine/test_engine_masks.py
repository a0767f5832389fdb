"""The engine's masks of dropout against NumPy's generator, to the bit."""

import numpy as np
import pytest

from tidegate import engine

KEYS = [0, 1, 0x0123456789ABCDEF, 2**63 - 1]
THRESHOLDS = [0, 1, 19_661, 32_768, 65_535]
# Around a block of 16 draws, around what a kernel draws at once, and around a task.
COUNTS = [0, 1, 15, 16, 17, 1023, 1024, 1041, 8191, 8192, 8193, 100_003]

pytestmark = pytest.mark.usefixtures("three_threads")


def drawn(key, threshold, scale, count):
    # Whatever is not written shows, and so does what is written beyond the end.
    mask = np.full(count + 16, 7, np.float32)
    address = mask.ctypes.data
    engine.keep_mask(key=key, threshold=threshold, scale=scale, mask=address, count=count)
    assert (mask[count:] == 7).all()
    return mask[:count]


def drawn_by_numpy(key, threshold, scale, count):
    generator = np.random.Generator(np.random.Philox(key=key))
    draws = generator.integers(0, 1 << 16, count, np.uint16)
    return np.where(draws < threshold, np.float32(0), np.float32(scale))


@pytest.mark.parametrize("count", COUNTS)
def test_it_draws_what_numpy_draws(count, isa):
    for key in KEYS:
        for threshold in THRESHOLDS:
            found = drawn(key, threshold, 1.7, count)
            expected = drawn_by_numpy(key, threshold, 1.7, count)
            assert found.tobytes() == expected.tobytes(), (key, threshold)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_the_number_of_threads_changes_no_bit(threads):
    engine.set_num_threads(threads)
    found = drawn(5, 20_000, 1.25, 300_007)
    assert found.tobytes() == drawn_by_numpy(5, 20_000, 1.25, 300_007).tobytes()
