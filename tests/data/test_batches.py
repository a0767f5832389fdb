"""Sequences of unequal length, and the batches that are made of them."""

import time

import numpy as np
import pytest

from tidegate.data.batches import epoch_batches, make_batch, ordered_batches
from tidegate.data.ragged import Ragged, offsets_of

ROWS = [[3], [], [1, 2], [9, 8, 7, 6]]


@pytest.fixture
def ragged():
    return Ragged.from_rows(ROWS)


def rows_of(ragged):
    return [ragged[row].tolist() for row in range(len(ragged))]


def drawn(count, longest=300, vocabulary=30_000, seed=0):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, longest, count)
    values = generator.integers(0, vocabulary, lengths.sum(), np.int32)
    return Ragged(values, offsets_of(lengths))


def test_rows_come_back_as_they_went_in(ragged):
    assert rows_of(ragged) == ROWS
    assert ragged.lengths().tolist() == [1, 0, 2, 4]
    assert ragged[-1].tolist() == ROWS[-1]
    assert len(Ragged.from_rows([])) == 0
    for row in (4, -5):
        with pytest.raises(IndexError, match="expected a row of 4"):
            ragged[row]


@pytest.mark.parametrize(
    "rows", [[2, 0, 2], [], [1], [-1], slice(1, 3), slice(None, None, -1)], ids=str
)
def test_rows_are_taken_in_any_order(ragged, rows):
    expected = ROWS[rows] if isinstance(rows, slice) else [ROWS[row] for row in rows]
    rows = rows if isinstance(rows, slice) else np.array(rows, np.int64)
    assert rows_of(ragged.take(rows)) == expected
    assert ragged.take(rows).values.dtype == np.int32


def test_a_row_that_is_none_cannot_be_taken(ragged):
    with pytest.raises(IndexError):
        ragged.take(np.array([4]))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_the_last_of_every_row(ragged, count):
    assert rows_of(ragged.last(count)) == [row[max(len(row) - count, 0) :] for row in ROWS]


def test_lists_are_joined(ragged):
    part = Ragged(ragged.values, ragged.offsets[2:])  # begins in the middle of its values
    assert rows_of(Ragged.concatenate([part, Ragged.from_rows([]), ragged])) == ROWS[2:] + ROWS
    assert rows_of(Ragged.concatenate([])) == []


def test_a_batch_knows_its_distinct_ids(ragged):
    ragged = Ragged.from_rows([[7, 2, 7], [], [5], [2, 9]])
    batch = make_batch(ragged, np.array([3, 1, 0]))
    assert batch.ids.tolist() == [2, 9, 7, 2, 7]
    assert batch.offsets.tolist() == [0, 2, 2, 5]
    assert batch.rows.tolist() == [3, 1, 0]
    assert batch.distinct.tolist() == [2, 7, 9]
    assert batch.slots.tolist() == [0, 2, 1, 0, 1]
    assert len(batch) == 3
    arrays = (batch.ids, batch.offsets, batch.rows, batch.distinct, batch.slots)
    assert {array.dtype for array in arrays} == {np.dtype(np.int64)}


def test_a_batch_of_nothing(ragged):
    for rows in ([], [1]):
        batch = make_batch(ragged, np.array(rows, np.int64))
        assert batch.ids.tolist() == batch.distinct.tolist() == batch.slots.tolist() == []
        assert batch.offsets.tolist() == [0] * (len(rows) + 1)


def test_distinct_ids_are_those_of_a_sort():
    ragged = drawn(200)
    for rows in epoch_batches(ragged.lengths(), 32, seed=1, epoch=0):
        batch = make_batch(ragged, rows)
        distinct, slots = np.unique(batch.ids, return_inverse=True)
        np.testing.assert_array_equal(batch.distinct, distinct)
        np.testing.assert_array_equal(batch.slots, slots)
        np.testing.assert_array_equal(batch.ids, np.concatenate([ragged[row] for row in rows]))


@pytest.mark.alone
def test_a_batch_costs_little():
    ragged = drawn(64, longest=500)

    def seconds():
        start = time.process_time()
        make_batch(ragged, np.arange(64))
        return time.process_time() - start

    assert min(seconds() for _ in range(20)) < 2e-3  # 0.15 ms measured


@pytest.mark.parametrize("max_tokens", [None, 2_000, 250], ids=["all", "some", "few tokens"])
@pytest.mark.parametrize("count", [0, 1, 64, 1_000])
def test_an_epoch_has_every_example_once(count, max_tokens):
    lengths = drawn(count).lengths()
    batches = epoch_batches(lengths, 16, seed=3, epoch=2, window=4, max_tokens=max_tokens)
    rows = np.concatenate([np.empty(0, np.int64), *batches])
    assert sorted(rows.tolist()) == list(range(count))
    assert all(0 < len(batch) <= 16 for batch in batches)
    for batch in batches:
        assert max_tokens is None or lengths[batch].sum() <= max_tokens or len(batch) == 1
    if max_tokens is None:
        assert len(batches) == -(-count // 16)


def test_an_epoch_depends_on_seed_and_epoch_alone():
    lengths = drawn(300).lengths()

    def rows(seed, epoch):
        np.random.default_rng().random(3)
        return [batch.tolist() for batch in epoch_batches(lengths, 16, seed, epoch)]

    assert rows(0, 1) == rows(0, 1)
    others = [rows(0, 1), rows(0, 2), rows(1, 1)]
    assert len({str(other) for other in others}) == 3
    # Not the same batches in another order, either.
    assert not {tuple(sorted(b)) for b in others[0]} & {tuple(sorted(b)) for b in others[1]}


def test_the_examples_of_an_epoch_never_change():
    """A run that is resumed by another version must go on with the same batches."""
    batches = epoch_batches(np.array([5, 1, 4, 2, 3, 9, 8, 7, 6, 10]), 2, 7, 1, window=2)
    assert [batch.tolist() for batch in batches] == [[1, 2], [0, 8], [5, 9], [4, 7], [3, 6]]


def test_batches_have_similar_lengths_and_stand_in_no_order_of_them():
    lengths = drawn(5_000).lengths()
    batches = epoch_batches(lengths, 50, seed=0, epoch=0)
    longest = np.array([lengths[batch].max() for batch in batches])
    padded = sum(len(batch) * top for batch, top in zip(batches, longest, strict=True))
    assert padded < 1.05 * lengths.sum()  # 1.93 in batches by chance
    assert all(np.all(np.diff(lengths[batch]) >= 0) for batch in batches)
    halves = longest[: len(longest) // 2].mean(), longest[len(longest) // 2 :].mean()
    assert abs(halves[0] - halves[1]) < 60


def test_windows_mix_the_examples():
    """With windows, a long example meets others than its neighbours in length."""
    lengths = np.arange(1_000)
    batches = epoch_batches(lengths, 10, seed=0, epoch=0, window=10)
    assert min(np.ptp(lengths[batch]) for batch in batches) > 10


def test_evaluation_goes_from_short_to_long_and_back_to_its_places():
    lengths = np.array([3, 1, 2, 1, 9])
    assert [rows.tolist() for rows in ordered_batches(lengths, 2)] == [[1, 3], [2, 0], [4]]
    capped = ordered_batches(lengths, 4, max_tokens=4)
    assert [rows.tolist() for rows in capped] == [[1, 3, 2], [0], [4]]
    result = np.zeros(5, np.int64)
    for rows in capped:
        result[rows] = lengths[rows] * 10
    assert result.tolist() == [30, 10, 20, 10, 90]
    assert ordered_batches(np.empty(0, np.int64), 4) == []
