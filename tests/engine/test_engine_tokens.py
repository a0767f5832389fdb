"""Tokens with their table in place of vectors: the same layer, and the table's gradient by rows."""

import numpy as np
import pytest

from engine_samples import CELLS, GATES, Case, arrays
from tidegate import engine
from tolerances import assert_close

T, N, I, H, V = 7, 6, 5, 9, 11


def sample(cell, dtype="float32", num_embeddings=V, **changes):
    """Arrays of a layer, with ids that repeat, and NaN in the rows that no token reads."""
    case = Case(cell, T=T, N=N, I=I, H=H, dtype=dtype, **changes)
    given = arrays(case)
    rng = np.random.default_rng(5)
    ids = rng.integers(0, num_embeddings // 2, size=(T, N)) * 2
    table = rng.normal(size=(num_embeddings, I)).astype(dtype)
    table[1::2] = np.nan
    return case, given, ids, table


def options_of(case, given):
    return {
        "h_0": given.h_0,
        "c_0": given.c_0 if case.cell == "lstm" else None,
        "lengths": given.lengths,
        "reverse": case.reverse,
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("cell", CELLS)
def test_forward_equals_that_over_gathered_rows(cell, reverse, dtype, isa):
    case, given, ids, table = sample(cell, dtype, reverse=reverse)
    weights, options = engine.Weights(*given.w), options_of(case, given)
    found = engine.forward_tokens(cell, ids, table, weights, **options)
    wanted = engine.forward(cell, table[ids], weights, **options)
    for name in ("output", "h_n", *(["c_n"] if cell == "lstm" else [])):
        assert_close(getattr(found, name), getattr(wanted, name), "state", I + H, name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_equal_those_over_gathered_rows(cell, reverse, dtype, isa):
    case, given, ids, table = sample(cell, dtype, reverse=reverse)
    weights, options = engine.Weights(*given.w), options_of(case, given)
    options["training"] = True
    saved = engine.forward_tokens(cell, ids, table, weights, **options).saved
    grad = given.grad._replace(c_n=given.grad.c_n if cell == "lstm" else None)
    found = engine.backward(saved, *grad)
    wanted = engine.backward(engine.forward(cell, table[ids], weights, **options).saved, *grad)

    real = np.arange(T)[:, None] < given.lengths
    scattered = np.zeros((V, I), np.float64)
    np.add.at(scattered, ids[real], wanted.input[real])
    tokens, rows = found.table
    assert tokens.dtype == np.int64
    np.testing.assert_array_equal(tokens, np.unique(ids[real]))
    num_terms = GATES[cell] * H + int(real.sum())
    assert_close(rows, scattered[tokens], "weight gradient", num_terms, "table")
    assert found.input is None
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        a, b = getattr(found.weights, name), getattr(wanted.weights, name)
        assert_close(a, b, "weight gradient", num_terms, name)
    assert_close(found.h_0, wanted.h_0, "gradient", GATES[cell] * H, "h_0")


@pytest.mark.parametrize("cell", CELLS)
def test_threads_and_batch_do_not_matter(cell, isa):
    case, given, ids, table = sample(cell)
    weights, options = engine.Weights(*given.w), options_of(case, given)
    before = engine.num_threads()

    def run(num):
        engine.set_num_threads(num)
        found = engine.forward_tokens(cell, ids, table, weights, **options, training=True)
        grads = engine.backward(found.saved, given.grad.output)
        return [found.output, found.h_n, *grads.table, *grads.weights, grads.h_0]

    try:
        one = run(1)
        for num in (2, 3, 7):
            assert [a.tobytes() for a in run(num)] == [a.tobytes() for a in one]
    finally:
        engine.set_num_threads(before)

    for n in range(N):
        row = {name: a[n : n + 1] for name, a in options.items() if isinstance(a, np.ndarray)}
        alone = engine.forward_tokens(cell, ids[:, n : n + 1], table, weights, **row)
        assert alone.output.tobytes() == one[0][:, n : n + 1].tobytes()
        assert alone.h_n.tobytes() == one[1][n : n + 1].tobytes()


@pytest.mark.parametrize("num_tokens", [60, 250])
@pytest.mark.parametrize("cell", CELLS)
def test_one_text_on_several_threads(cell, num_tokens):
    """Fewer tokens than make a part for every thread, and more."""
    case = Case(cell, T=num_tokens, N=1, I=65, H=130, lengths=(num_tokens,))
    weights = engine.Weights(*arrays(case).w)
    rng = np.random.default_rng(8)
    table = rng.normal(size=(num_tokens, 65)).astype(np.float32)
    ids = rng.permutation(num_tokens)[:, None]
    before = engine.num_threads()
    found = []
    try:
        for threads in (1, 2, 3, 7):
            engine.set_num_threads(threads)
            output = engine.forward_tokens(cell, ids, table, weights).output
            assert output.tobytes() == engine.forward(cell, table[ids], weights).output.tobytes()
            found.append(output.tobytes())
    finally:
        engine.set_num_threads(before)
    assert len(set(found)) == 1


@pytest.mark.parametrize("num_embeddings", [2, 30_000])
@pytest.mark.parametrize("cell", ["gru_after", "lstm"])
def test_small_and_large_tables(cell, num_embeddings, isa):
    case, given, ids, table = sample(cell, num_embeddings=num_embeddings)
    weights, options = engine.Weights(*given.w), options_of(case, given)
    found = engine.forward_tokens(cell, ids, table, weights, **options)
    wanted = engine.forward(cell, table[ids], weights, **options)
    assert_close(found.output, wanted.output, "state", I + H, "output")


@pytest.mark.parametrize("cell", CELLS)
def test_more_tokens_than_are_taken_at_a_time(cell, isa):
    """Over 512 distinct ones: their gradients come in several parts, the same for any threads."""
    case = Case(cell, T=40, N=50, I=I, H=H, lengths=(40,) * 50)
    given = arrays(case)
    rng = np.random.default_rng(6)
    ids = rng.integers(0, 3000, size=(40, 50))
    table = rng.normal(size=(3000, I)).astype(np.float32)
    weights, before = engine.Weights(*given.w), engine.num_threads()

    def run(num):
        engine.set_num_threads(num)
        saved = engine.forward_tokens(cell, ids, table, weights, training=True).saved
        return engine.backward(saved, given.grad.output)

    try:
        one, three = run(1), run(3)
    finally:
        engine.set_num_threads(before)
    for a, b in zip((*one.table, *one.weights), (*three.table, *three.weights), strict=True):
        assert a.tobytes() == b.tobytes()
    wanted = engine.backward(
        engine.forward(cell, table[ids], weights, training=True).saved, given.grad.output
    )
    scattered = np.zeros((3000, I))
    np.add.at(scattered, ids.ravel(), wanted.input.reshape(-1, I))
    tokens, rows = one.table
    assert len(tokens) > 1200
    np.testing.assert_array_equal(tokens, np.unique(ids))
    num_terms = GATES[cell] * H + ids.size
    assert_close(rows, scattered[tokens], "weight gradient", num_terms, "table")
    assert_close(one.weights.weight_ih, wanted.weights.weight_ih, "weight gradient", num_terms)


def test_batch_first_only_turns_the_axes():
    case, given, ids, table = sample("gru_after")
    weights, options = engine.Weights(*given.w), options_of(case, given)
    found = engine.forward_tokens("gru_after", ids, table, weights, **options)
    turned = engine.forward_tokens(
        "gru_after", np.ascontiguousarray(ids.T), table, weights, **options, batch_first=True
    )
    assert turned.output.transpose(1, 0, 2).tobytes() == found.output.tobytes()
    assert turned.h_n.tobytes() == found.h_n.tobytes()


@pytest.mark.parametrize("bad", [-1, V, 2**62, -(2**63)])
def test_a_token_outside_the_table_is_refused(bad):
    case, given, ids, table = sample("gru_after")
    weights, options = engine.Weights(*given.w), options_of(case, given)
    n = int(np.argmax(given.lengths))
    ids[3, n] = bad
    with pytest.raises(IndexError, match=rf"from 0 to V - 1 = {V - 1}, got {bad} in row {n}"):
        engine.forward_tokens("gru_after", ids, table, weights, **options)


def test_tokens_past_a_rows_end_are_not_read():
    case, given, ids, table = sample("gru_after")
    weights, options = engine.Weights(*given.w), options_of(case, given)
    past = np.arange(T)[:, None] >= given.lengths
    other = np.where(past, -77, ids)
    found, wanted = (
        engine.forward_tokens("gru_after", i, table, weights, **options, training=True)
        for i in (other, ids)
    )
    assert found.output.tobytes() == wanted.output.tobytes()
    assert np.array_equal(*(engine.backward(a.saved).table[0] for a in (found, wanted)))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)], ids=["no steps", "no rows"])
def test_no_tokens(shape):
    _, given, _, table = sample("gru_after")
    weights = engine.Weights(*given.w)
    ids = np.zeros(shape, np.int64)
    found = engine.forward_tokens("gru_after", ids, table, weights, training=True)
    tokens, rows = engine.backward(found.saved).table
    assert found.output.shape == (*shape, H)
    assert tokens.shape == (0,)
    assert rows.shape == (0, I)
