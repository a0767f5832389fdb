"""From texts to the numbers a network reads, by hand-made examples of Keras' rules."""

import numpy as np
import pytest

from tidegate.data.dataset import Split, TextDataset
from tidegate.data.prepared import prepare
from tidegate.data.ragged import Ragged, pad_front
from tidegate.data.vocabulary import Vocabulary, split_words
from tidegate.errors import DataError


def test_words_are_lower_case_and_punctuation_parts_them():
    text = "It's GREAT!<br /><br />A well-made\tfilm_noir (1944)."
    words = "it's great br br a well made film noir 1944"
    assert split_words(text) == words.split()


def test_ids_rank_words_by_frequency_from_4_on():
    texts = [["d"], ["b", "a", "b"], ["c", "b", "a"]]
    vocabulary = Vocabulary.build(texts, size=7)
    # b 3 times, a twice; c and d once, in alphabetical order; d finds no place among 7 ids.
    assert vocabulary.words == ["b", "a", "c"]
    assert vocabulary.num_distinct == 4
    ids = vocabulary.encode([["b", "d", "c", "new"], []])
    assert ids[0].tolist() == [1, 4, 2, 6, 2]
    assert ids[1].tolist() == [1]


def test_a_vocabulary_that_is_too_small_knows_no_word():
    assert Vocabulary.build([["a"]], size=4).words == []


def test_the_front_is_padded_and_the_front_is_cut():
    ids = Ragged.from_rows([[1, 5, 6], [1, 4, 5, 6, 7], [], [1, 2, 3, 4]])
    assert pad_front(ids, 4).tolist() == [[0, 1, 5, 6], [4, 5, 6, 7], [0, 0, 0, 0], [1, 2, 3, 4]]


def test_ragged_rows_come_back_as_they_went_in():
    rows = [[3], [], [1, 2]]
    ragged = Ragged.from_rows(rows)
    assert [ragged[row].tolist() for row in range(len(ragged))] == rows
    assert ragged.lengths().tolist() == [1, 0, 2]
    assert len(Ragged.from_rows([])) == 0


@pytest.fixture
def dataset():
    train = Split([f"word{n} the" for n in range(10)], np.arange(10) % 2)
    test = Split(["the unseen", "the the the"], np.array([0, 1]))
    return TextDataset("toy", "nowhere", train, test)


def prepared(dataset, **options):
    values = {"vocabulary_size": 20, "max_length": 3, "validation_share": 0.2} | options
    return prepare(dataset, **values)


def test_the_end_of_the_training_part_validates(dataset):
    data = prepared(dataset)
    assert [len(part[1]) for part in (data.train, data.validation, data.test)] == [8, 2, 2]
    assert data.validation[1].tolist() == [0, 1]
    # "the" is the most frequent word, word8 and word9 the last of ten in the alphabet.
    assert data.validation[0].tolist() == [[1, 13, 4], [1, 14, 4]]


def test_the_test_part_never_enters_the_vocabulary(dataset):
    data = prepared(dataset)
    assert "unseen" not in data.vocabulary.words
    assert data.test[0].tolist() == [[1, 4, 2], [4, 4, 4]]
    other = TextDataset(
        "toy", "nowhere", dataset.train, Split(["word1"] * 9, np.zeros(9, np.int64))
    )
    assert prepared(other).vocabulary == data.vocabulary


def test_what_was_done_is_counted(dataset):
    facts = prepared(dataset, vocabulary_size=9).facts
    expected = {
        "num_train": 8,
        "num_validation": 2,
        "num_test": 2,
        "distinct_words": 11,
        "training_words": 20,
        "training_words_unknown": 6,  # "the" and 4 of 10 words have an id
        "training_texts_cut": 0,
        "test_words": 5,
        "test_words_unknown": 1,
        "test_texts_cut": 1,
    }
    assert {name: facts[name] for name in expected} == expected


def test_a_limit_takes_the_first_training_texts_and_all_of_the_test(dataset):
    data = prepared(dataset, limit=5)
    assert [len(part[1]) for part in (data.train, data.validation, data.test)] == [4, 1, 2]
    assert "word5" not in data.vocabulary.words


def test_one_text_is_too_few(dataset):
    with pytest.raises(DataError, match="expected at least 2 training texts.*got 1"):
        prepared(dataset, limit=1)


def test_a_fingerprint_sees_text_label_and_order():
    def fingerprint(texts, labels):
        return Split(texts, np.array(labels)).fingerprint()

    base = fingerprint(["a", "b"], [0, 1])
    assert base == fingerprint(["a", "b"], [0, 1])
    others = [(["a", "c"], [0, 1]), (["a", "b"], [1, 1]), (["b", "a"], [1, 0])]
    assert len({base, *(fingerprint(*other) for other in others)}) == 4
