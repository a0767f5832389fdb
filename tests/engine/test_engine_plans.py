"""One plan of a batch for both directions, forward and backward: the bits of plans of their own."""

import numpy as np
import pytest

from engine_samples import CELLS, GATES
from tidegate import engine

I, H, V = 5, 9, 30
# Rows of 2 groups, and rows that share their first steps from either end.
RAGGED = np.random.default_rng(3).integers(0, 60, 40)


def batch(lengths, T, dtype):
    """Ids and weights, and offsets of a batch of T steps, batch first."""
    draws = np.random.default_rng(4)
    N = 40
    ids = draws.integers(1, V, (N, T))
    if lengths is None:
        for n in range(N):
            ids[n, : n % 30] = 0
            ids[n, T - (3 * n) % 31 :] = 0
    arrays = {
        "row_offset": np.arange(N) * T,
        "step_offset": np.arange(T),
        "lengths": lengths,
        "ids": ids,
        "table": draws.normal(size=(V, I)).astype(dtype),
    }
    return N, arrays


def run(cell, plans, arrays, N, T, dtype):
    """The results and gradients of both directions, each by its two plans."""
    gates = GATES[cell] * H
    draws = np.random.default_rng(5)
    made = []
    for reverse, (forward_plan, backward_plan) in enumerate(plans):
        weights = {
            "weight_ih": draws.normal(size=(gates, I)).astype(dtype),
            "weight_hh": draws.normal(size=(gates, H)).astype(dtype) / 3,
        }
        grad_output = draws.normal(size=(N, T, H)).astype(dtype)
        lengths = arrays["lengths"]
        num_positions = N * T if lengths is None else int(lengths.sum())
        size = engine.reserve_bytes(
            cell=cell, dtype=dtype, hidden_size=H, num_positions=num_positions
        )
        output, h_n = np.zeros((N, T, H), dtype), np.zeros((N, H), dtype)
        c_n = np.zeros((N, H), dtype) if cell == "lstm" else None
        shared = weights | {"table": arrays["table"], "output": output}
        shared["reserve"] = np.zeros(size, np.uint8)
        forward = engine.ForwardCall()
        fill(forward, reverse, h_n=h_n, c_n=c_n, **shared)
        num_distinct = engine.layer_forward(forward_plan, forward)
        ids, rows = np.zeros(num_distinct, np.int64), np.zeros((num_distinct, I), dtype)
        grads = {f"grad_{name}": np.zeros_like(array) for name, array in weights.items()}
        backward = engine.BackwardCall()
        backward.grad_output_stride = H
        fill(
            backward,
            reverse,
            grad_output=grad_output,
            grad_table_ids=ids,
            grad_table_rows=rows,
            **grads,
            **shared,
        )
        assert engine.layer_backward(backward_plan, backward) == num_distinct
        made += [output, h_n, ids, rows, *grads.values()]
    return [array.tobytes() for array in made]


def fill(call, reverse, **arrays):
    call.reverse, call.output_stride = bool(reverse), H
    for name, array in arrays.items():
        setattr(call, name, 0 if array is None else array.ctypes.data)


@pytest.mark.parametrize("lengths", [RAGGED, None], ids=["ragged", "shared prefixes"])
@pytest.mark.parametrize("cell", CELLS)
def test_one_plan_for_both_directions(cell, lengths, isa):
    T, dtype = 60, "float32"
    N, arrays = batch(lengths, T, dtype)

    def plan(**directions):
        addresses = {
            name: 0 if arrays[name] is None else arrays[name].ctypes.data
            for name in ("row_offset", "step_offset", "lengths", "ids")
        }
        sizes = {"num_rows": N, "num_steps": T, "input_size": I, "hidden_size": H}
        return engine.LayerPlan(
            cell=cell, dtype=dtype, num_embeddings=V, pad=True, **sizes, **addresses, **directions
        )

    both = plan(backwards=True)
    own = [
        [plan(forwards=not reverse, backwards=reverse) for _ in range(2)]
        for reverse in (False, True)
    ]
    together = run(cell, [(both, both)] * 2, arrays, N, T, dtype)
    assert together == run(cell, own, arrays, N, T, dtype)


def test_a_direction_that_was_not_planned_is_refused():
    sizes = {"num_rows": 0, "num_steps": 0, "input_size": 1, "hidden_size": 1}
    plan = engine.LayerPlan(cell="lstm", dtype="float32", row_offset=0, step_offset=0, **sizes)
    call = engine.ForwardCall()
    call.reverse = True
    with pytest.raises(ValueError, match="expected a direction that was planned"):
        engine.layer_forward(plan, call)


def test_a_state_that_was_not_planned_is_refused():
    """Rows that share their first steps would ignore it."""
    h_0 = np.zeros((1, 1), np.float32)
    sizes = {"num_rows": 0, "num_steps": 0, "input_size": 0, "hidden_size": 1}
    plan = engine.LayerPlan(cell="lstm", dtype="float32", row_offset=0, step_offset=0, **sizes)
    call = engine.ForwardCall()
    call.weight_hh = call.h_0 = h_0.ctypes.data
    with pytest.raises(ValueError, match="expected no h_0 or c_0 where the plan has no state"):
        engine.layer_forward(plan, call)


def test_members_of_calls_have_names():
    call = engine.BackwardCall()
    call.grad_h_0 = 64
    assert call.grad_h_0 == 64
    with pytest.raises(AttributeError):
        call.grad_h0 = 64
    with pytest.raises(ValueError, match="expected an integer from 0 to 18446744073709551615"):
        call.grad_h_0 = 2**64
