"""Sets of series: containers, fingerprints, copies."""

import numpy as np
import pytest

from tidegate.data.series import SeriesSet, SeriesSplit, series_set
from tidegate.data.series.dataset import in_order_of_hashes
from tidegate.data.series.given import series_of
from tidegate.data.series.in_memory import series_in_memory
from tidegate.errors import DataError
from tidegate.task import Task


def test_arrays_become_flat_values_and_offsets():
    series = SeriesSet.from_arrays([[[1, 2], [3, 4]], [[5, 6]]], times=[[0, 1], [9]])
    assert series.values.values.dtype == np.float32
    assert series.values.values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert series.values.offsets.tolist() == [0, 2, 3]
    assert series.channels == ("0", "1")
    taken = series.take([1, 0])
    assert taken.values.values.tolist() == [[5, 6], [1, 2], [3, 4]]
    assert taken.times.tolist() == [9, 0, 1]


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        (np.zeros((3, 4, 2)), (12, 2)),
        (np.zeros((3, 4)), (12, 1)),
        ([np.zeros((2, 5)), np.zeros((1, 5))], (3, 5)),
        ([np.zeros(2), np.zeros(1)], (3, 1)),
    ],
)
def test_series_come_in_many_containers(given, shape):
    assert series_of(given, where="here").values.values.shape == shape


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros(3), r"here: expected an array of shape .* got an array of shape \(3,\)"),
        ("abc", "here: expected an array of shape .* got a str"),
        ([np.zeros((2, 3)), np.zeros((2, 2))], "series 1: expected 3 channels .* got 2"),
        ([["a", "b"]], "series 0: expected numbers, got"),
        ([np.zeros((1, 1, 1, 1))], r"series 0: expected an array of shape .* got \(1, 1, 1, 1\)"),
    ],
)
def test_what_is_no_series_is_refused(given, message):
    with pytest.raises(DataError, match=message):
        series_of(given, where="here")


def test_the_fingerprint_tells_values_lengths_and_channels_apart():
    base = [[[1.0], [2.0]], [[3.0]]]
    sums = {
        SeriesSet.from_arrays(arrays, channels=channels).fingerprint()
        for arrays, channels in (
            (base, None),
            ([[[1.0]], [[2.0], [3.0]]], None),
            ([[[1.0], [2.0]], [[4.0]]], None),
            (base, ("x",)),
        )
    }
    assert len(sums) == 4
    assert SeriesSet.from_arrays(base).fingerprint() in sums


def labelled(count=40):
    draws = np.random.default_rng(0)
    arrays = [draws.normal(size=(draws.integers(1, 5), 1)) for _ in range(count)]
    arrays += arrays[:5]  # copies
    labels = np.arange(len(arrays)) % 2
    labels[count:] = labels[:5]
    return SeriesSplit(SeriesSet.from_arrays(arrays), labels)


def test_a_training_part_ends_with_every_class_and_keeps_copies_together():
    split, task = labelled(), Task("binary", ("no", "yes"))
    ordered, units = in_order_of_hashes(split, task)
    assert len(ordered) == len(split)
    assert len({*units.tolist()}) == 40
    assert (np.diff(np.flatnonzero(np.bincount(units) > 1)) >= 0).all()
    last = ordered.labels[-10:]
    assert 3 <= last.sum() <= 7
    # Whatever order the rows have, the same ones come last.
    mixed, _ = in_order_of_hashes(split.take(np.random.default_rng(1).permutation(45)), task)
    assert {*mixed.series.hashes()[-10:].tolist()} == {*ordered.series.hashes()[-10:].tolist()}


def test_series_in_memory_validate_on_their_end():
    split, task = labelled(), Task("binary", ("no", "yes"))
    dataset = series_in_memory("here", split.series, split.labels, task, validation_share=0.2)
    assert dataset.test_is_validation
    assert 7 <= len(dataset.test) <= 11
    np.testing.assert_array_equal(dataset.test.labels, dataset.train.labels[-len(dataset.test) :])


@pytest.mark.parametrize("rows", [[2, 0, 3], slice(1, 3), [1], [], slice(None)])
def test_large_sets_are_taken_from_as_small_ones_are(monkeypatch, rows):
    arrays = [np.full((length, 2), length) for length in (3, 1, 4, 2)]
    times = [np.arange(len(array)) for array in arrays]
    series = SeriesSet.from_arrays(arrays, times=times, ids="abcd")
    small = series.take(rows)
    monkeypatch.setattr(series_set, "MOST_BYTES_IN_MEMORY", 0)
    monkeypatch.setattr(series_set, "_HASHED_AT_ONCE", 2)
    large = series.take(rows)
    assert large.values.values.shape == small.values.values.shape
    assert large.fingerprint() == small.fingerprint()
