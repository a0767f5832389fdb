"""exp, tanh and sigmoid of the kernels, in units of the last place over all they can be given."""

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from gate_functions import apply

FUNCTIONS = ["exp", "tanh", "sigmoid"]
HEADER = Path(__file__).parents[2] / "cpp" / "kernels" / "math.hpp"
WIDER = {"float32": np.float64, "float64": np.longdouble}
BITS = {"float32": np.uint32, "float64": np.uint64}


def bound(function, dtype):
    """The bound that the header states: a row of its table, float before double."""
    row = re.search(rf"^// +{function} +(\S+) +(\S+)$", HEADER.read_text(encoding="utf-8"), re.M)
    assert row is not None, f"{HEADER.name} states no bound for {function}"
    return float(row[1 if dtype == "float32" else 2])


@lru_cache
def inputs(dtype):
    """Every exponent and both signs alike, and densely where the functions bend."""
    kind = BITS[dtype]
    if dtype == "float32":
        patterns = np.arange(0, 2**32, 2039, dtype=np.uint64).astype(kind)
    else:
        patterns = np.random.default_rng(1).integers(0, 2**64, 300_000, dtype=kind, endpoint=False)
    info = np.finfo(dtype)
    edges = [0.0, info.smallest_subnormal, info.smallest_normal, info.eps, 1.0, info.max]
    edges += [info.max / 2, np.log(info.max), np.log(info.smallest_normal)]
    edges += [np.log(WIDER[dtype](info.smallest_subnormal)), 0.5 * np.log(2), np.log(2)]
    edges = np.array(edges, dtype)
    edges = np.concatenate([edges, -edges])
    with np.errstate(over="ignore", under="ignore"):
        around = [np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)]
    edges = np.concatenate([edges, *around])
    reach = 110 if dtype == "float32" else 760
    dense = np.random.default_rng(2).uniform(-1, 1, 200_000)
    dense = np.concatenate([dense * scale for scale in (1, 20, reach)]).astype(dtype)
    values = np.concatenate([patterns.view(dtype), edges, dense])
    return values[np.isfinite(values)]


@lru_cache
def wanted(function, dtype):
    x = inputs(dtype).astype(WIDER[dtype])
    with np.errstate(over="ignore", under="ignore"):
        if function == "exp":
            return np.exp(x)
        if function == "tanh":
            return np.tanh(x)
        e = np.exp(-np.abs(x))
        return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


@pytest.mark.parametrize("dtype", WIDER)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_units_in_the_last_place(function, dtype, isa):
    x, true = inputs(dtype), wanted(function, dtype)
    got = apply(function, x)
    info = np.finfo(dtype)
    # What rounds to infinity counts as the number after the largest.
    limit = true.dtype.type(2) ** info.maxexp
    near = np.minimum(true, limit)
    exponent = np.maximum(np.frexp(np.minimum(near, info.max))[1] - 1, info.minexp)
    error = np.abs(np.minimum(got.astype(true.dtype), limit) - near)
    error = error / np.ldexp(true.dtype.type(1), exponent - info.nmant)
    assert not np.isnan(got).any()
    # Values below the normal numbers may come out as 0.
    is_normal = np.abs(true) >= info.smallest_normal
    small = ~is_normal & (error > bound(function, dtype))
    assert not got[small].any(), f"{function}({x[small]!r}) = {got[small]!r}"
    error = np.where(is_normal, error, 0)
    worst = int(np.argmax(error))
    assert error[worst] <= bound(function, dtype), (
        f"{function}({x[worst]!r}) = {got[worst]!r}, expected {true[worst]!r}: "
        f"{error[worst]:.3f} ulp"
    )


@pytest.mark.parametrize("dtype", WIDER)
def test_infinities_and_nan(dtype, isa):
    x = np.array([np.inf, -np.inf, np.nan, -np.nan, 0.0, -0.0], dtype)
    np.testing.assert_array_equal(apply("exp", x), [np.inf, 0, np.nan, np.nan, 1, 1])
    np.testing.assert_array_equal(apply("sigmoid", x), [1, 0, np.nan, np.nan, 0.5, 0.5])
    np.testing.assert_array_equal(apply("tanh", x), [1, -1, np.nan, np.nan, 0, 0])


@pytest.mark.parametrize("dtype", WIDER)
def test_results_stay_in_their_range(dtype, isa):
    x = inputs(dtype)
    assert np.abs(apply("tanh", x)).max() <= 1
    sigmoid = apply("sigmoid", x)
    assert sigmoid.min() >= 0
    assert sigmoid.max() <= 1
    assert apply("exp", x).min() >= 0
    np.testing.assert_array_equal(apply("tanh", -x), -apply("tanh", x))


@pytest.mark.parametrize("dtype", WIDER)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_place_in_an_array_does_not_matter(function, dtype, isa):
    """Every lane, and the rest that does not fill a vector, computes the same bits."""
    some = inputs(dtype)[-200:]
    single = np.concatenate([apply(function, value[None]) for value in some])
    for start in range(0, 40):
        part = apply(function, some[start:])
        assert part.tobytes() == single[start:].tobytes()
    np.testing.assert_array_equal(apply(function, some[:0]), [])
