"""Tokens of rows that begin alike, as padding in front makes them: those steps are made once.

Rows with a state of zeros make all their steps themselves, and have the same results.
"""

import numpy as np
import pytest

from engine_samples import CELLS, GATES, Case, arrays, run_layer
from tidegate import engine
from tolerances import assert_close

PAD = 3
V, I = 11, 5


def padded(lengths, num_steps, *, reverse=False):
    """Ids (T, N) of rows with so many tokens of their own, and the padding before them."""
    rng = np.random.default_rng(7)
    ids = np.full((num_steps, len(lengths)), PAD)
    for n, length in enumerate(lengths):
        own = rng.integers(0, V, size=length)
        own[:1] = PAD + 1
        ids[num_steps - length :, n] = own
    return ids[::-1].copy() if reverse else ids


def run(case, ids, *, state, dense=True, training=True):
    """Forward and its gradients; with ``state`` from zeros that are passed."""
    given = arrays(case)
    zeros = np.zeros((case.N, case.H), case.dtype) if state else None
    table = np.random.default_rng(8).normal(size=(V, I)).astype(case.dtype)
    found = engine.forward_tokens(
        case.cell,
        ids,
        table,
        engine.Weights(*given.w),
        zeros,
        zeros if case.cell == "lstm" else None,
        reverse=case.reverse,
        training=training,
    )
    if not training:
        return found, None
    grad_c_n = given.grad.c_n if case.cell == "lstm" else None
    grad_output = given.grad.output if dense else None
    return found, engine.backward(found.saved, grad_output, given.grad.h_n, grad_c_n)


SIZES = {
    "some": (9, [9, 2, 0, 5, 9, 1, 3, 2]),
    "all": (6, [0, 0, 0]),
    "two stems": (12, [*range(1, 12), 12, 12, 7, 7]),
    "two groups": (70, [*range(2, 70, 3), *[70] * 12]),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", CELLS)
def test_equal_those_that_make_their_own_steps(cell, dtype, reverse, size, isa):
    T, lengths = SIZES[size]
    case = Case(cell, T=T, N=len(lengths), I=I, H=9, dtype=dtype, reverse=reverse)
    ids = padded(lengths, T, reverse=reverse)
    for dense in (True, False):
        (found, grads), (wanted, wanted_grads) = (
            run(case, ids, state=state, dense=dense) for state in (False, True)
        )
        inferred, _ = run(case, ids, state=False, training=False)
        for name in ("output", "h_n", *(["c_n"] if cell == "lstm" else [])):
            assert getattr(found, name).tobytes() == getattr(wanted, name).tobytes(), name
            assert getattr(inferred, name).tobytes() == getattr(wanted, name).tobytes(), name
        num_terms = GATES[cell] * case.H + ids.size
        np.testing.assert_array_equal(grads.table[0], wanted_grads.table[0])
        pairs = zip(
            (grads.table[1], *grads.weights),
            (wanted_grads.table[1], *wanted_grads.weights),
            strict=True,
        )
        for a, b in pairs:
            assert_close(a, b, "weight gradient", num_terms)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cell", CELLS)
def test_threads_do_not_matter(cell, size, isa):
    T, lengths = SIZES[size]
    case = Case(cell, T=T, N=len(lengths), I=I, H=9)
    before = engine.num_threads()
    made = []
    try:
        for num in (1, 2, 3, 4, 7):
            engine.set_num_threads(num)
            found, grads = run(case, padded(lengths, T), state=False)
            made.append([found.output, found.h_n, *grads.table, *grads.weights])
    finally:
        engine.set_num_threads(before)
    for other in made[1:]:
        assert [a.tobytes() for a in other] == [a.tobytes() for a in made[0]]


@pytest.mark.parametrize(
    ("lengths", "own"),
    [
        # Of eight rows with padding, the one with most of it makes it for all.
        ([12, 12, 1, 2, 3, 4, 5, 6, 7, 8], 12 + 12 + 12 + 2 + 3 + 4 + 5 + 6 + 7 + 8),
        # A ninth makes its own.
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], 12 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 12),
        # Hardly any padding: too little to gain.
        ([12, 12, 12, 12, 12, 11, 11], 7 * 12),
    ],
    ids=["eight", "nine", "little"],
)
def test_as_many_steps_are_made_as_rows_differ_in(lengths, own):
    """By what forward keeps for backward, which is so much a step."""
    case = Case("lstm", T=12, N=len(lengths), I=I, H=16)
    found, _ = run(case, padded(lengths, 12), state=False)
    saved = found.saved
    saved.arrays["reserve"].fill(0xAA)
    addresses = {
        name: saved.arrays[name].ctypes.data
        for name in ("table", *engine.Weights._fields, "output", "h_n", "c_n", "reserve")
    }
    run_layer(engine.ForwardCall(), saved.plan, **addresses, output_stride=case.H)
    kept = saved.arrays["reserve"][: 12 * case.N * 5 * case.H * 4].view(np.uint32)
    assert np.count_nonzero(kept != 0xAAAAAAAA) == own * 5 * case.H


def test_a_state_that_is_passed_has_a_gradient():
    case = Case("lstm", T=9, N=8, I=I, H=9)
    ids = padded(SIZES["some"][1], 9)
    _, without = run(case, ids, state=False)
    _, grads = run(case, ids, state=True)
    assert without.h_0 is None
    assert without.c_0 is None
    rows = [run_alone(case, ids, n) for n in range(case.N)]
    for name in ("h_0", "c_0"):
        assert getattr(grads, name).tobytes() == b"".join(getattr(r, name).tobytes() for r in rows)


def test_the_gradient_of_a_state_that_was_not_passed_is_refused():
    case = Case("gru_after", T=9, N=8, I=I, H=9)
    found, _ = run(case, padded(SIZES["some"][1], 9), state=False)
    saved = found.saved
    grad_h_0 = np.empty((case.N, case.H), np.float32)
    addresses = {
        name: saved.arrays[name].ctypes.data
        for name in ("table", "weight_ih", "weight_hh", "output", "reserve")
    }
    with pytest.raises(ValueError, match="with ids a state where its gradient is wanted"):
        run_layer(
            engine.BackwardCall(),
            saved.plan,
            **addresses,
            output_stride=case.H,
            grad_h_0=grad_h_0.ctypes.data,
        )


def run_alone(case, ids, n):
    """The gradients of one row of ``run``."""
    given = arrays(case)
    zeros = np.zeros((1, case.H), case.dtype)
    table = np.random.default_rng(8).normal(size=(V, I)).astype(case.dtype)
    found = engine.forward_tokens(
        case.cell, ids[:, n : n + 1], table, engine.Weights(*given.w), zeros, zeros, training=True
    )
    row = (given.grad.output[:, n : n + 1], given.grad.h_n[n : n + 1], given.grad.c_n[n : n + 1])
    return engine.backward(found.saved, *(np.ascontiguousarray(a) for a in row))
