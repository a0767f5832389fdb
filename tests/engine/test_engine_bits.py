"""The same bits: whatever the number of threads, the rest of the batch, and where vectors stand."""

import numpy as np
import pytest

from engine_samples import (
    CELLS,
    LAYOUTS,
    Case,
    arrays,
    assert_same_bits,
    replace,
    rows_of,
    run,
)
from reference import Gradients, Result
from tidegate import engine

# Large enough to be cut into several tasks, with an odd number of rows.
BATCH = {"T": 9, "N": 37, "I": 20, "H": 24}
BY_ROW = ["x", "h_0", "c_0"]  # gradients that belong to one row


@pytest.fixture(autouse=True)
def _two_threads():
    before = engine.num_threads()
    engine.set_num_threads(2)
    yield
    engine.set_num_threads(before)


def all_of(pair):
    return [*pair[0], *pair[1]]


NAMES = [*Result._fields, *Gradients._fields]


@pytest.mark.parametrize("where", ["time", "flat"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("cell", CELLS)
def test_threads(cell, reverse, where, isa):
    """Results and every gradient, those of the weights too, over 1, 2, 3 and 7 threads."""
    case = Case(cell, reverse=reverse, **BATCH)
    engine.set_num_threads(1)
    one = all_of(run(case, where))
    for num in (2, 3, 7):
        engine.set_num_threads(num)
        assert_same_bits(all_of(run(case, where)), one, NAMES)


@pytest.mark.parametrize(
    "sizes",
    [
        {"T": 12, "N": 70, "I": 65, "H": 130},
        {"T": 90, "N": 40, "I": 7, "H": 9},
        {"T": 40, "N": 150, "I": 20, "H": 24},
        {"T": 40, "N": 32, "I": 20, "H": 24, "lengths": (40,) * 32},
        {"T": 70, "N": 1, "I": 65, "H": 130},
    ],
    ids=["wide", "long", "four groups", "two even groups", "one row"],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", CELLS)
def test_threads_at_sizes_of_use(cell, dtype, sizes):
    """On the widest instruction set alone: several blocks of rows, positions and weights."""
    case = Case(cell, dtype=dtype, **sizes)
    engine.set_num_threads(1)
    one = all_of(run(case))
    for num in (2, 3, 7):
        engine.set_num_threads(num)
        assert_same_bits(all_of(run(case)), one, NAMES)


def assert_rows_are_the_same(case, rows, part, whole):
    """What belongs to these rows, as ``part`` computed it for them alone."""
    (result, grads), (all_results, all_grads) = part, whole
    assert_same_bits(
        [
            result.output,
            result.h_n,
            result.c_n,
            grads.x,
            grads.h_0,
            grads.c_0,
        ],
        [
            np.ascontiguousarray(all_results.output[:, rows]),
            all_results.h_n[rows],
            all_results.c_n[rows],
            np.ascontiguousarray(all_grads.x[:, rows]),
            all_grads.h_0[rows],
            all_grads.c_0[rows],
        ],
        [*Result._fields, *BY_ROW],
    )


@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_row_does_not_depend_on_its_batch(cell, reverse, isa):
    """Alone, in a few, and in a batch in another order."""
    case = Case(cell, reverse=reverse, **BATCH)
    whole = run(case)
    shuffled = np.random.default_rng(3).permutation(case.N)
    for rows in ([0], [5], [36], [1, 2, 3], list(range(30)), shuffled):
        rows = np.asarray(rows)
        part = run(case, given=rows_of(case, rows))
        assert_rows_are_the_same(case, rows, part, whole)


@pytest.mark.parametrize("sizes", [{"I": 20, "H": 24}, {"I": 160, "H": 256}], ids=["small", "wide"])
@pytest.mark.parametrize("T", [1, 2, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_a_row_alone_is_the_row_in_a_batch_at_few_steps(cell, T, sizes, isa):
    """Where weights are read as they stand, and by a row alone in wider pieces."""
    lengths = tuple(np.arange(17) % T + 1)
    case = Case(cell, T=T, N=17, lengths=lengths, **sizes)
    whole = run(case)
    for row in (0, 1, 16):
        part = run(case, given=rows_of(case, np.array([row])))
        assert_rows_are_the_same(case, [row], part, whole)


@pytest.mark.parametrize("H", [1, 7, 17, 24])
@pytest.mark.parametrize("cell", CELLS)
def test_a_row_does_not_depend_on_steps_after_its_end(cell, H, isa):
    """The batch cut to the longest of some rows computes the same for them."""
    case = Case(cell, T=9, N=11, I=6, H=H)
    given = arrays(case)
    whole = run(case)
    rows = np.flatnonzero(given.lengths <= 4)
    short = rows_of(case, rows)
    short = short._replace(x=short.x[:4], grad=short.grad._replace(output=short.grad.output[:4]))
    result, grads = run(case, given=short)
    assert_same_bits(
        [result.output, result.h_n, grads.x, grads.h_0],
        [
            np.ascontiguousarray(whole[0].output[:4, rows]),
            whole[0].h_n[rows],
            np.ascontiguousarray(whole[1].x[:4, rows]),
            whole[1].h_0[rows],
        ],
        ["output", "h_n", "x", "h_0"],
    )


@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("cell", CELLS)
def test_layouts(cell, reverse, isa):
    """Where the vectors stand changes nothing: output, states and what belongs to a row."""
    case = Case(cell, reverse=reverse, **BATCH)
    rows = np.arange(case.N)
    first = run(case, LAYOUTS[0])
    for where in LAYOUTS[1:]:
        assert_rows_are_the_same(case, rows, run(case, where), first)
    assert_same_bits(all_of(run(case, space=0)), all_of(first), NAMES)


@pytest.mark.parametrize("cell", CELLS)
def test_zeros_may_be_left_out(cell, isa):
    """No bias and no state are biases and states of zero."""
    case = Case(cell, bias=False, state=False, T=4, N=5, H=9)
    written = replace(case, bias=True, state=True)
    assert_same_bits(all_of(run(written, given=arrays(case))), all_of(run(case)), NAMES)


@pytest.mark.parametrize("cell", CELLS)
def test_lengths_of_t_are_no_lengths(cell, isa):
    case = Case(cell, T=5, N=6, lengths=(5,) * 6)
    given = arrays(case)
    weights = engine.Weights(*given.w)
    c_0 = given.c_0 if cell == "lstm" else None
    with_lengths = engine.forward(cell, given.x, weights, given.h_0, c_0, lengths=given.lengths)
    without = engine.forward(cell, given.x, weights, given.h_0, c_0)
    assert_same_bits(with_lengths[:2], without[:2], ["output", "h_n"])


@pytest.mark.parametrize("cell", CELLS)
def test_training_computes_what_inference_does(cell, isa):
    case = Case(cell, **BATCH)
    given = arrays(case)
    weights = engine.Weights(*given.w)
    c_0 = given.c_0 if cell == "lstm" else None
    options = {"h_0": given.h_0, "c_0": c_0, "lengths": given.lengths}
    training = engine.forward(cell, given.x, weights, **options, training=True)
    inference = engine.forward(cell, given.x, weights, **options)
    assert_same_bits(training[:2], inference[:2], ["output", "h_n"])
    if cell == "lstm":
        assert_same_bits([training.c_n], [inference.c_n], ["c_n"])


@pytest.mark.parametrize("cell", CELLS)
def test_backward_twice_is_the_same(cell):
    case = Case(cell, **BATCH)
    given = arrays(case)
    weights = engine.Weights(*given.w)
    saved = engine.forward(cell, given.x, weights, given.h_0, training=True).saved
    first, second = (engine.backward(saved, given.grad.output) for _ in range(2))
    for a, b in zip(
        (first.input, first.h_0, *first.weights),
        (second.input, second.h_0, *second.weights),
        strict=True,
    ):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("cell", CELLS)
def test_backward_may_run_on_another_instruction_set(cell):
    """What forward keeps has one form: the difference is rounding."""
    case = Case(cell, T=5, N=7, I=6, H=19)
    given = arrays(case)
    before, isas = engine.active_isa(), engine.usable_isas()
    try:
        for first in isas:
            engine.use_isa(first)
            saved = engine.forward(cell, given.x, engine.Weights(*given.w), training=True).saved
            wanted = engine.backward(saved, given.grad.output)
            for second in isas:
                engine.use_isa(second)
                found = engine.backward(saved, given.grad.output)
                np.testing.assert_allclose(found.input, wanted.input, rtol=1e-4, atol=1e-5)
                for a, b in zip(found.weights, wanted.weights, strict=True):
                    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    finally:
        engine.use_isa(before)
