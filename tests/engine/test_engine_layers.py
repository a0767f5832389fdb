"""Every cell, forward and backward, against the reference in wider precision."""

import pytest

from engine_samples import CELLS, Case, arrays, expected, run
from reference import Gradients, Result
from tolerances import assert_close, terms

# Sizes around the widths of vectors (4, 8, 16) and of nothing.
SIZES = [
    {"H": 1, "I": 1},
    {"H": 3},
    {"H": 7, "I": 1},
    {"H": 8, "N": 1},
    {"H": 9, "N": 5},
    {"H": 15, "I": 16},
    {"H": 16, "I": 17, "N": 9},
    {"H": 17, "I": 15},
    {"H": 33, "I": 40, "N": 6, "T": 9},
    {"T": 1},
    {"T": 1, "N": 1, "I": 1, "H": 1},
    {"T": 40, "N": 3, "H": 12},
    {"H": 130, "I": 70, "N": 13, "T": 6},
    # More positions, and more rows, than the kernels take at a time.
    {"T": 70, "N": 41, "I": 3, "H": 5},
    {"T": 3, "N": 700, "I": 3, "H": 5},
    # Rows in four groups, whose sums are made apart.
    {"T": 40, "N": 150, "I": 3, "H": 5},
]
KIND = dict.fromkeys(Result._fields, "state") | dict.fromkeys(Gradients._fields, "weight gradient")
KIND |= dict.fromkeys(["x", "h_0", "c_0"], "gradient")


def check(case, where="time"):
    num_positions = int(arrays(case).lengths.sum())
    for got, wanted in zip(run(case, where), expected(case), strict=True):
        for name in wanted._fields:
            kind = KIND[name]
            assert_close(
                getattr(got, name),
                getattr(wanted, name),
                kind,
                terms(kind, case, num_positions),
                name,
            )


@pytest.mark.parametrize("sizes", SIZES, ids=lambda s: " ".join(f"{k}{v}" for k, v in s.items()))
@pytest.mark.parametrize("cell", CELLS)
def test_sizes(cell, sizes, isa):
    check(Case(cell, **sizes))


@pytest.mark.parametrize(
    "lengths",
    [(40,) * 32, (1100, *(0,) * 15), (0,) * 7 + (1100,) + (1,) * 8],
    ids=["even", "one row has all steps", "one row has most steps"],
)
@pytest.mark.parametrize("cell", CELLS)
def test_groups_of_rows(cell, lengths, isa):
    """Two, with as much to do or with little or nothing for the second."""
    check(Case(cell, T=max(lengths), N=len(lengths), I=3, H=5, lengths=lengths))


@pytest.mark.parametrize("where", ["time", "flat"])
@pytest.mark.parametrize("state", [True, False], ids=["state", "no state"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("cell", CELLS)
def test_options(cell, reverse, bias, state, where, isa):
    check(Case(cell, T=6, N=7, I=5, H=9, reverse=reverse, bias=bias, state=state), where)


@pytest.mark.parametrize("sizes", [SIZES[i] for i in (0, 2, 4, 7)], ids=str)
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("cell", CELLS)
def test_float64(cell, reverse, sizes, isa):
    check(Case(cell, dtype="float64", reverse=reverse, **sizes))


@pytest.mark.parametrize("where", ["time", "packed"])
@pytest.mark.parametrize(
    "case",
    [{"T": 0, "lengths": (0, 0)}, {"N": 0, "lengths": ()}, {"lengths": (0, 0, 0)}, {"I": 0}],
    ids=["no steps", "no rows", "all rows empty", "no features"],
)
@pytest.mark.parametrize("cell", CELLS)
def test_nothing_to_do(cell, case, where, isa):
    check(Case(cell, **{"N": len(case.get("lengths", "four"))} | case), where)


@pytest.mark.parametrize("cell", CELLS)
def test_one_step_of_very_many_rows(cell, isa):
    """So many that longer batches of them are cut into groups."""
    check(Case(cell, T=1, N=1100, I=3, H=5, lengths=(1,) * 1100))


@pytest.mark.parametrize("cell", CELLS)
def test_rows_of_equal_length(cell, isa):
    check(Case(cell, T=7, N=6, lengths=(7,) * 6))
