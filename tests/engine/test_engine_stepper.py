"""One step at a time: the bits of the whole run, in place, from wherever a stream was cut."""

import numpy as np
import pytest

from engine_samples import CELLS, Case, arrays
from tidegate import engine

T = 8


def whole(case, given, **changes):
    options = {"h_0": given.h_0, "c_0": given.c_0 if case.cell == "lstm" else None}
    return engine.forward(case.cell, given.x, engine.Weights(*given.w), **options | changes)


def stepper_at(case, given):
    stepper = engine.Stepper(case.cell, engine.Weights(*given.w), batch_size=case.N)
    stepper.h[:] = given.h_0
    if case.cell == "lstm":
        stepper.c[:] = given.c_0
    return stepper


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("N", [1, 3, 13])
@pytest.mark.parametrize("H", [1, 9, 24])
@pytest.mark.parametrize("cell", CELLS)
def test_steps_give_the_bits_of_the_whole(cell, H, N, dtype, isa):
    case = Case(cell, T=T, N=N, I=5, H=H, dtype=dtype, lengths=(T,) * N)
    given = arrays(case)
    wanted, stepper = whole(case, given), stepper_at(case, given)
    for t in range(T):
        assert stepper.step(given.x[t]).tobytes() == wanted.output[t].tobytes(), t
    assert stepper.h.tobytes() == wanted.h_n.tobytes()
    if cell == "lstm":
        assert stepper.c.tobytes() == wanted.c_n.tobytes()


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_cut_run_goes_on_to_the_bit(cell, bias, isa):
    case = Case(cell, T=T, N=4, I=6, H=17, lengths=(T,) * 4)
    given = arrays(case)
    weights = engine.Weights(*given.w[: 4 if bias else 2])
    wanted = engine.forward(cell, given.x, weights)
    state = {}
    for piece in (slice(0, 3), slice(3, 3), slice(3, 4), slice(4, T)):
        part = engine.forward(cell, given.x[piece], weights, **state)
        assert part.output.tobytes() == wanted.output[piece].tobytes()
        state = {"h_0": part.h_n, "c_0": part.c_n}
    assert state["h_0"].tobytes() == wanted.h_n.tobytes()


@pytest.mark.parametrize("cell", CELLS)
def test_the_state_stays_where_it_is(cell):
    case = Case(cell, T=T, N=2, lengths=(T,) * 2)
    given = arrays(case)
    stepper = stepper_at(case, given)
    places = stepper.h.ctypes.data, None if stepper.c is None else stepper.c.ctypes.data
    x = given.x[0].copy()
    for _ in range(3):
        assert stepper.step(x) is stepper.h
    assert (stepper.h.ctypes.data, None if stepper.c is None else stepper.c.ctypes.data) == places
    assert x.tobytes() == given.x[0].tobytes()
    stepper.reset()
    assert not stepper.h.any()
    assert stepper.c is None or not stepper.c.any()


def test_weights_are_copied():
    case = Case("lstm", T=T, N=2, lengths=(T,) * 2)
    given = arrays(case)
    mine = engine.Weights(*(a.copy() for a in given.w))
    stepper = engine.Stepper("lstm", mine, batch_size=2)
    for a in mine:
        a.fill(np.nan)
    assert np.isfinite(stepper.step(given.x[0])).all()


@pytest.mark.parametrize("cell", CELLS)
def test_a_stepper_keeps_the_instruction_set_it_was_made_with(cell):
    """Its weights are packed for it."""
    case = Case(cell, T=T, N=3, H=17, lengths=(T,) * 3)
    given = arrays(case)
    before = engine.active_isa()
    try:
        for name in engine.usable_isas():
            engine.use_isa(name)
            wanted, stepper = whole(case, given), stepper_at(case, given)
            for other in engine.usable_isas():
                engine.use_isa(other)
                stepper.h[:] = given.h_0
                if cell == "lstm":
                    stepper.c[:] = given.c_0
                assert stepper.step(given.x[0]).tobytes() == wanted.output[0].tobytes()
    finally:
        engine.use_isa(before)


def test_one_row_may_be_a_vector():
    case = Case("gru_after", T=T, N=1, lengths=(T,))
    given = arrays(case)
    first, second = stepper_at(case, given), stepper_at(case, given)
    assert first.step(given.x[0, 0]).tobytes() == second.step(given.x[0]).tobytes()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 6), np.float32), r"input of shape \(2, 5\), got \(2, 6\)"),
        (np.zeros((3, 5), np.float32), r"input of shape \(2, 5\), got \(3, 5\)"),
        (np.zeros(5, np.float32), r"input of shape \(2, 5\), got \(5\)"),
        (np.zeros((2, 5)), "input of the weights' dtype"),
    ],
    ids=["size", "rows", "rank", "dtype"],
)
def test_an_input_that_does_not_fit_is_refused(x, message):
    case = Case("gru_after", N=2, lengths=(5,) * 2)
    stepper = stepper_at(case, arrays(case))
    before = stepper.h.copy()
    with pytest.raises(ValueError, match=message):
        stepper.step(x)
    assert stepper.h.tobytes() == before.tobytes()


@pytest.mark.parametrize("x", [[[0.0] * 5] * 2, None, "x"], ids=["list", "none", "string"])
def test_an_input_that_is_no_array_is_refused(x):
    case = Case("gru_after", N=2, lengths=(5,) * 2)
    stepper = stepper_at(case, arrays(case))
    with pytest.raises(TypeError, match="Stepper: expected input as an array, got "):
        stepper.step(x)


@pytest.mark.parametrize("dtype", [object, ">f4", "datetime64[s]"])
def test_an_input_of_any_dtype_gets_the_same_message(dtype):
    case = Case("gru_after", N=2, lengths=(5,) * 2)
    with pytest.raises(ValueError, match="Stepper: expected input of dtype float32"):
        stepper_at(case, arrays(case)).step(np.zeros((2, 5), dtype))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "arrange",
    [np.asfortranarray, lambda x: np.repeat(x, 2, axis=1)[:, ::2], lambda x: x[::-1].copy()[::-1]],
    ids=["Fortran", "strided", "backwards"],
)
def test_an_input_may_lie_in_any_order(cell, arrange):
    case = Case(cell, N=3, lengths=(5,) * 3)
    given = arrays(case)
    x = arrange(given.x[0])
    assert not x.flags.c_contiguous
    wanted = stepper_at(case, given).step(given.x[0])
    assert stepper_at(case, given).step(x).tobytes() == wanted.tobytes()


def read_only(array):
    array.setflags(write=False)
    return array


@pytest.mark.parametrize("name", ["h", "c"])
@pytest.mark.parametrize(
    ("arrange", "message"),
    [
        (read_only, "in C order and writable, got strides .* and writeable=False; write into"),
        (np.asfortranarray, "in C order and writable, got strides "),
        (lambda a: np.repeat(a, 2, axis=1)[:, ::2], "in C order and writable, got strides "),
        (lambda a: a.astype(object), "of dtype float32 .*, got object"),
    ],
    ids=["read-only", "Fortran", "strided", "objects"],
)
def test_a_state_that_cannot_be_written_is_refused(name, arrange, message):
    case = Case("lstm", N=2, lengths=(5,) * 2)
    given = arrays(case)
    stepper = stepper_at(case, given)
    setattr(stepper, name, arrange(getattr(stepper, name).copy()))
    with pytest.raises(ValueError, match=f"Stepper: expected {name} {message}"):
        stepper.step(given.x[0])


def test_a_read_only_input_is_read():
    case = Case("gru_after", N=2, lengths=(5,) * 2)
    given = arrays(case)
    x = given.x[0].copy()
    x.setflags(write=False)
    assert np.isfinite(stepper_at(case, given).step(x)).all()


@pytest.mark.parametrize("batch_size", [0, -1, 1.5])
def test_a_stepper_has_rows(batch_size):
    given = arrays(Case("gru_after"))
    with pytest.raises(ValueError, match=f"batch_size of at least 1, got {batch_size}"):
        engine.Stepper("gru_after", engine.Weights(*given.w), batch_size)
