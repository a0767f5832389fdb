"""Texts in memory as a data set: which of them validate, and what stands in for a test part."""

import numpy as np
import pytest

from tidegate.data.own_texts.in_memory import in_memory
from tidegate.data.prepared import check_texts, num_trained_on
from tidegate.errors import DataError
from tidegate.task import Task

TASK = Task("binary", ("no", "yes"))


@pytest.mark.parametrize("share", [0.04, 0.2, 0.4, 0.6])
def test_the_validation_part_is_stratified_and_stands_in_for_the_test(share):
    texts = [f"text {number}" for number in range(100)]
    targets = np.array([0, 0, 0, 1] * 25)
    dataset = in_memory("Texts", texts, targets, TASK, validation_share=share)
    num_held = round(100 * share)
    assert num_trained_on(dataset, share, None) == 100 - num_held
    assert dataset.test.texts == dataset.train.texts[-num_held:]
    assert dataset.test.labels.tolist() == dataset.train.labels[-num_held:].tolist()
    assert dataset.test_is_validation
    assert np.bincount(dataset.test.labels).tolist() == [num_held * 3 / 4, num_held / 4]
    pairs = zip(dataset.train.texts, dataset.train.labels.tolist(), strict=True)
    assert sorted(pairs) == sorted(zip(texts, targets.tolist(), strict=True))
    backwards = in_memory("Texts", texts[::-1], targets[::-1], TASK, validation_share=share)
    assert backwards.train.texts == dataset.train.texts


def test_copies_of_a_text_stay_on_one_side():
    texts = [f"{word}{blank}text" for word in "abcdefgh" for blank in (" ", "  ", " ")]
    targets = np.arange(24.0)
    task = Task("regression", ("y",))
    dataset = in_memory("Texts", texts, targets, task, validation_share=0.3)
    held = {text[0] for text in dataset.test.texts}
    assert len(dataset.test.texts) == 3 * len(held) == 9
    assert not held & {text[0] for text in dataset.train.texts[:15]}


def test_too_few_texts_are_refused():
    with pytest.raises(DataError, match="Texts: expected training texts of which some train and"):
        in_memory("Texts", ["A", "a"], np.array([0, 1]), TASK, validation_share=0.5)


def test_a_part_without_words_is_called_by_its_name():
    dataset = in_memory("Texts", ["a", "b", "c", " "], np.arange(4) % 2, TASK, validation_share=0.5)
    blank = type(dataset.test)([" "], dataset.test.labels[:1])
    given = type(dataset)("Texts", "", dataset.train, blank, TASK, test_is_validation=True)
    with pytest.raises(DataError, match="expected words in the validation texts, got none in 1"):
        check_texts(given, "words", 2)
