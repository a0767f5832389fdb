"""How far a result may be from its reference: one table for all numerics of the engine.

The bound is FACTOR[kind] * eps * sqrt(terms) * scale. ``terms`` is the number of products that one
element sums up: rounding errors add up like the steps of a random walk. The scale is max|expected|,
but at least 0.1: what goes in is of order 1, and the only element of a small array may cancel.
"""

import numpy as np

# Behind each, the worst seen in the same unit, over all cases, dtypes and instruction sets: always
# at the smallest sizes, where a handful of roundings is not yet a walk.
FACTOR = {
    "state": 2.0,  # 1.01
    "gradient": 6.0,  # 3.30
    "weight gradient": 6.0,  # 3.42
}


def terms(kind, case, num_positions):
    """How many products one element sums up, in a layer of this case."""
    from reference import GATES

    gates = GATES[case.cell] * case.H
    return {
        "state": case.I + case.H,
        "gradient": gates,
        "weight gradient": gates + num_positions,
    }[kind]


def error(got, expected, num_terms):
    """The largest error in units of eps * sqrt(terms) * scale."""
    if expected.size == 0:
        return 0.0
    scale = max(np.abs(expected).max(), 0.1)
    unit = np.finfo(got.dtype).eps * np.sqrt(max(num_terms, 1)) * scale
    return float(np.abs(got - expected).max() / unit)


def assert_close(got, expected, kind, num_terms, name=""):
    """Within the table's bound; the message shows the worst element."""
    assert got.shape == expected.shape
    assert np.isfinite(got).all(), f"{name}: not finite"
    found = error(got, expected, num_terms)
    if found <= FACTOR[kind]:
        return
    worst = np.unravel_index(np.argmax(np.abs(got - expected)), got.shape)
    raise AssertionError(
        f"{name}{list(map(int, worst))}: expected {expected[worst]!r}, got {got[worst]!r}: "
        f"{found:.2f} units, where {FACTOR[kind]} are allowed for a {kind}"
    )
