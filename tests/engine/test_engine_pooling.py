"""Means and maxima of ragged rows, and their gradient, to the bit of what is done row by row."""

import numpy as np
import pytest

from tidegate import engine

HOWS = ["mean", "max", "mean+max"]
DTYPES = ["float32", "float64"]
LENGTHS = {
    "short": [3, 0, 5, 1, 0],
    "no steps": [0, 0],
    "no rows": [],
    "empty at both ends": [0, 7, 0, 0, 130, 1, 0],
    "one": [611],
}
# A lane, some of a vector, and one more than each of the blocks that a task or a register takes.
FEATURES = [1, 6, 16, 33, 65, 130]

pytestmark = pytest.mark.usefixtures("three_threads")


def draw(lengths, F, dtype):
    """Values with ties and infinities, some NaN, and offsets."""
    rng = np.random.default_rng(len(lengths) + F)
    values = rng.normal(size=(sum(lengths), F)).round(1).astype(dtype)
    special = rng.integers(0, 40, values.shape)
    values[special == 0] = -np.inf
    values[special == 1] = np.inf
    values[rng.integers(0, 300, values.shape) == 0] = np.nan
    return values, np.cumsum([0, *lengths], dtype=np.int64)


def by_rows(values, offsets, how):
    """Pooled values and the positions of maxima; sums run step by step."""
    N, F = len(offsets) - 1, values.shape[1]
    mean, maxima = np.zeros((2, N, F), values.dtype)
    first = np.zeros((N, F), np.int64)
    for n in range(N):
        row = values[offsets[n] : offsets[n + 1]]
        with np.errstate(invalid="ignore"):
            for x in row:
                mean[n] += x
        if len(row):
            mean[n] /= values.dtype.type(len(row))
            at = row.argmax(0)
            maxima[n], first[n] = np.take_along_axis(row, at[None], 0)[0], offsets[n] + at
    return np.hstack([{"mean": mean, "max": maxima}[part] for part in how.split("+")]), first


def gradient_by_rows(grad, offsets, first, how, shape):
    """What each position gets of the gradient that comes in."""
    found = np.zeros(shape, grad.dtype)
    parts = dict(zip(how.split("+"), np.split(grad, how.count("+") + 1, 1), strict=True))
    for n in range(len(offsets) - 1):
        length = offsets[n + 1] - offsets[n]
        if "mean" in parts:
            found[offsets[n] : offsets[n + 1]] = parts["mean"][n] / grad.dtype.type(max(length, 1))
        if "max" in parts and length:
            found[first[n], np.arange(shape[1])] += parts["max"][n]
    return found


def sizes(values, offsets):
    """What both calls of the engine are told."""
    P, F = values.shape
    counts = {"num_rows": len(offsets) - 1, "num_positions": P, "num_features": F}
    return {"dtype": values.dtype.name, "offsets": offsets.ctypes.data, **counts}


def columns(array, how, prefix=""):
    """The addresses of means and maxima side by side."""
    start, stride = array.ctypes.data, array.shape[1]
    second = start + stride // 2 * array.itemsize
    found = {"mean": {"mean": start}, "max": {"maxima": start}}.get(
        how, {"mean": start, "maxima": second}
    )
    return {prefix + name: address for name, address in found.items()} | {"stride": stride}


def pool(values, offsets, how):
    N, F = len(offsets) - 1, values.shape[1]
    # Whatever is not written shows.
    pooled = np.full((N, F * (how.count("+") + 1)), 7, values.dtype)
    first = np.full((N, F), 7, np.int64)
    engine.pool_rows(
        **sizes(values, offsets),
        **columns(pooled, how),
        values=values.ctypes.data,
        first=first.ctypes.data if "max" in how else 0,
    )
    return pooled, first


def unpool(grad, values, offsets, first, how):
    found = np.full(values.shape, 7, values.dtype)
    engine.unpool_rows(
        **sizes(values, offsets),
        **columns(grad, how, "grad_"),
        first=first.ctypes.data if "max" in how else 0,
        grad_values=found.ctypes.data,
    )
    return found


def same(found, expected):
    """Equal to the bit but for the bits of a NaN."""
    np.testing.assert_array_equal(found, expected)
    finite = ~np.isnan(expected)
    assert found[finite].tobytes() == expected[finite].tobytes()


@pytest.mark.parametrize("F", FEATURES)
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS.keys())
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("how", HOWS)
def test_it_is_what_is_done_row_by_row(how, dtype, lengths, F, isa):
    values, offsets = draw(lengths, F, dtype)
    pooled, first = pool(values, offsets, how)
    expected, places = by_rows(values, offsets, how)
    same(pooled, expected)
    if "max" in how:
        np.testing.assert_array_equal(first, places)
    grad = np.random.default_rng(1).normal(size=pooled.shape).astype(dtype)
    found = unpool(grad, values, offsets, places, how)
    same(found, gradient_by_rows(grad, offsets, places, how, values.shape))


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_the_number_of_threads_changes_no_bit(threads, isa):
    """On a batch large enough to be shared out, whose rows begin and end within pieces."""
    values, offsets = draw([300, 0, 1, 777, 130], 130, "float32")
    expected, places = by_rows(values, offsets, "mean+max")
    grad = np.random.default_rng(2).normal(size=expected.shape).astype("float32")
    slope = gradient_by_rows(grad, offsets, places, "mean+max", values.shape)
    engine.set_num_threads(threads)
    pooled, first = pool(values, offsets, "mean+max")
    same(pooled, expected)
    np.testing.assert_array_equal(first, places)
    same(unpool(grad, values, offsets, places, "mean+max"), slope)


def test_denormals_count(isa):
    values = np.full((3, 20), 1e-40, np.float32)
    pooled, _ = pool(values, np.array([0, 3]), "mean+max")
    same(pooled, by_rows(values, np.array([0, 3]), "mean+max")[0])
    assert (pooled > 0).all()


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ([1, 4], r"from 0 to P = 4, got 1 to 4"),
        ([0, 5], r"from 0 to P = 4, got 0 to 5"),
        ([0, 3, 2, 4], r"that ascend by less than 2\^31, got 2 after 3 in row 1"),
        ([0, 9, 4], r"that ascend by less than 2\^31, got 9 after 0 in row 0"),
    ],
    ids=str,
)
def test_offsets_that_lead_out_of_the_values_are_refused(offsets, message):
    values, offsets = np.zeros((4, 3)), np.array(offsets)
    with pytest.raises(ValueError, match=message):
        pool(values, offsets, "mean")
    with pytest.raises(ValueError, match=message):
        unpool(np.zeros((len(offsets) - 1, 3)), values, offsets, None, "mean")
