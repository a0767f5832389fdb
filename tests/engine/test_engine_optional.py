"""Gradients that are not wanted, and gradients that do not come in."""

import numpy as np
import pytest

from engine_samples import CELLS, Case, arrays, run
from reference import Gradients
from tidegate import engine

SIZES = {"T": 6, "N": 9, "I": 7, "H": 17}
OUTGOING = {"grad_input": "x"} | {f"grad_{name}": name for name in Gradients._fields[1:]}


@pytest.mark.parametrize(
    "left_out",
    [
        *([name] for name in OUTGOING),
        [name for name in OUTGOING if "weight" in name or "bias" in name],
        ["grad_weight_ih", "grad_weight_hh"],
        ["grad_bias_ih", "grad_bias_hh"],
        ["grad_input", "grad_h_0", "grad_c_0"],
        [*OUTGOING],
    ],
    ids="+".join,
)
@pytest.mark.parametrize(
    "sizes", [{}, {"T": 1, "H": 64}, {"T": 1, "N": 90}], ids=["steps", "one step", "of many rows"]
)
@pytest.mark.parametrize("cell", CELLS)
def test_what_is_not_wanted_changes_nothing_else(cell, sizes, left_out, isa):
    case = Case(cell, **SIZES | sizes)
    _, wanted = run(case)
    _, found = run(case, without=left_out)
    for name, field in OUTGOING.items():
        if name not in left_out:
            assert getattr(found, field).tobytes() == getattr(wanted, field).tobytes(), field


@pytest.mark.parametrize("left_out", ["grad_output", "grad_h_n", "grad_c_n"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("cell", CELLS)
def test_what_does_not_come_in_is_zeros(cell, reverse, left_out, isa):
    case = Case(cell, reverse=reverse, **SIZES)
    given = arrays(case)
    field = left_out.removeprefix("grad_")
    grad = given.grad._replace(**{field: np.zeros_like(getattr(given.grad, field))})
    _, wanted = run(case, given=given._replace(grad=grad))
    _, found = run(case, without=[left_out])
    for name in Gradients._fields:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), name)


@pytest.mark.parametrize("cell", CELLS)
def test_no_gradient_in_is_none_out(cell, isa):
    case = Case(cell, **SIZES)
    given = arrays(case)
    weights = engine.Weights(*given.w)
    saved = engine.forward(cell, given.x, weights, given.h_0, training=True).saved
    grads = engine.backward(saved)
    for gradient in (grads.input, grads.h_0, *grads.weights):
        assert not gradient.any()


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_what_did_not_go_in_are_not_made(cell):
    case = Case(cell, bias=False, **SIZES)
    given = arrays(case)
    weights = engine.Weights(given.w.weight_ih, given.w.weight_hh)
    grads = engine.backward(engine.forward(cell, given.x, weights, training=True).saved)
    assert grads.weights.bias_ih is None
    assert grads.weights.bias_hh is None
    assert grads.h_0 is None
    assert grads.c_0 is None
