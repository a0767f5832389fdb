"""The split by hashes: stratified, fixed, and with units that are never divided."""

import numpy as np
import pytest

from tidegate.data import split as module
from tidegate.data.split import hash_of, joined, same_text


def split_by_hash(keys, strata, share):
    hashes = np.array([hash_of(key) for key in keys], np.uint64)
    return module.split_by_hash(hashes, strata, share)


def test_every_class_gives_its_share():
    strata = np.repeat([0, 1, 2], [1000, 100, 10])
    split = split_by_hash([f"text {n}" for n in range(1110)], strata, 0.2)
    assert np.bincount(strata[split.test]).tolist() == [200, 20, 2]
    assert sorted([*split.train, *split.test]) == [*range(1110)]


def test_the_split_depends_on_the_keys_alone():
    keys = [f"text {n}" for n in range(500)]
    strata = np.arange(500) % 2
    split = split_by_hash(keys, strata, 0.3)
    order = np.random.default_rng(0).permutation(500)
    other = split_by_hash([keys[n] for n in order], strata[order], 0.3)
    assert {*order[other.test]} == {*split.test}
    assert order[other.train].tolist() == split.train.tolist()


def test_every_beginning_and_end_of_the_training_rows_is_stratified():
    strata = np.repeat([0, 1], [900, 100])
    split = split_by_hash([str(n) for n in range(1000)], strata, 0.0)
    classes = strata[split.train]
    for count in (100, 333, 900):
        assert abs(classes[:count].mean() - 0.1) < 0.02
        assert abs(classes[-count:].mean() - 0.1) < 0.02


def test_rows_of_a_key_stay_together_and_side_by_side():
    keys = [f"group {n % 17}" for n in range(340)]
    split = split_by_hash(keys, np.zeros(340, np.int64), 0.25)
    in_test, in_train = ({keys[n] for n in rows} for rows in (split.test, split.train))
    assert not in_test & in_train
    assert len(split.test) == 80  # four groups of twenty
    changes = np.count_nonzero(np.diff(split.units))
    assert changes == len(in_train) - 1


def test_a_unit_counts_for_the_class_that_most_of_it_has():
    # The unit of three rows is of the class 0, so that the class 1 has four rows to give from.
    keys = ["same"] * 3 + [f"zero {n}" for n in range(5)] + [f"one {n}" for n in range(4)]
    strata = np.array([0, 0, 1, *[0] * 5, *[1] * 4])
    split = split_by_hash(keys, strata, 0.5)
    singles = [n for n in split.test if keys[n] != "same"]
    assert sum(strata[n] for n in singles) == 2
    assert len(split.test) == 6


@pytest.mark.parametrize(("count", "share", "wanted"), [(2, 0.01, 1), (2, 0.9, 1), (1, 0.5, 0)])
def test_small_classes_keep_one_and_give_one(count, share, wanted):
    split = split_by_hash([str(n) for n in range(count)], np.zeros(count, np.int64), share)
    assert len(split.test) == wanted


def test_one_huge_unit_trains():
    split = split_by_hash(["a"] * 90 + ["b"] * 10, np.zeros(100, np.int64), 0.05)
    assert split.test.tolist() == [*range(90, 100)]


def test_texts_that_differ_in_case_and_blanks_are_the_same():
    assert same_text(" Gro\u00dfe  Stra\u00dfe\n") == same_text("GROSSE strasse")


def test_groups_that_share_a_text_are_one_unit():
    texts = np.array([1, 2, 2, 3, 4], np.uint64)
    groups = np.array([10, 10, 20, 30, 40], np.uint64)
    assert joined(texts, groups).tolist() == [10, 10, 10, 30, 40]
