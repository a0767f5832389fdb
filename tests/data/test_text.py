"""From texts to the numbers a network reads, by hand-made examples of Keras' rules."""

import json
import re

import numpy as np
import pyarrow as pa
import pytest

from odd_texts import nasty_texts
from tidegate.data.dataset import Split, TextDataset
from tidegate.data.prepared import prepare
from tidegate.data.preprocessing import text
from tidegate.data.preprocessing.text import TextOptions, TextPreprocessor
from tidegate.data.ragged import Ragged, pad_front
from tidegate.data.sources.imdb import TASK
from tidegate.data.tokenise import FIXED, KERAS, NAMES, WORDS, fit, split
from tidegate.data.vocabulary import Vocabulary
from tidegate.data.words import Words, number
from tidegate.errors import DataError, FormatError


def words_of(lists):
    """Words that were split elsewhere."""
    words = [word for one in lists for word in one]
    lengths = np.array([len(one) for one in lists])
    return Words(KERAS, *number([pa.array(words, "string")], "string", lengths))


def test_ids_rank_words_by_frequency_from_4_on():
    texts = words_of([["d"], ["b", "a", "b"], ["c", "b", "a"]])
    vocabulary = Vocabulary.build([texts], size=7)
    # b 3 times, a twice; c and d once, in alphabetical order; d finds no place among 7 ids.
    assert vocabulary.words == ["b", "a", "c"]
    assert vocabulary.num_distinct == 4
    assert len(vocabulary) == 7
    ids = vocabulary.encode(words_of([["b", "d", "c", "new"], []]))
    assert ids[0].tolist() == [1, 4, 2, 6, 2]
    assert ids[1].tolist() == [1]
    assert ids.values.dtype == np.int32


def test_the_end_of_a_text_has_an_id_where_it_is_asked_for():
    words = words_of([["a", "new"], [], ["a"]])
    ids = Vocabulary(["a"]).encode(words, end=True)
    assert [ids[row].tolist() for row in range(3)] == [[1, 4, 2, 3], [1, 3], [1, 4, 3]]


def test_a_vocabulary_that_is_too_small_knows_no_word():
    assert Vocabulary.build([words_of([["a"]])], size=4).words == []
    assert Vocabulary.build([words_of([])]).words == []


def test_rare_words_have_no_id():
    texts = words_of([["b", "a", "c", "b", "c"]])
    vocabulary = Vocabulary.build([texts], min_count=2)
    assert vocabulary.words == ["b", "c"]
    assert vocabulary.num_distinct == 3


def test_a_stream_of_parts_gives_the_vocabulary_of_the_whole():
    texts = ["b a b", "", "c b a", "d"]
    parts = (split([text], "words") for text in texts)
    streamed, whole = Vocabulary.build(parts), Vocabulary.build([split(texts, "words")])
    assert streamed == whole
    assert streamed.words == ["b", "a", "c", "d"]
    assert streamed.num_distinct == whole.num_distinct == 4


def test_words_are_in_the_order_of_their_characters_not_of_their_bytes_in_utf_16():
    texts = words_of([["\uffee", "\U00010400", "z", "\xe9"]])
    assert Vocabulary.build([texts]).words == ["z", "\xe9", "\uffee", "\U00010400"]


def test_words_of_another_tokeniser_are_refused():
    with pytest.raises(ValueError, match="split by keras, got those of words"):
        Vocabulary(["a"]).encode(split(["a"], "words"))
    with pytest.raises(ValueError, match="by one tokeniser, got words, keras"):
        Vocabulary.build([split(["a"], "words"), split(["a"])])
    with pytest.raises(ValueError, match="by one tokeniser, got no words at all"):
        Vocabulary.build([])


@pytest.mark.parametrize("tokeniser", FIXED.values(), ids=str)
def test_a_vocabulary_comes_back_from_its_file(tokeniser):
    vocabulary = Vocabulary(["b", "\xe9"], tokeniser)
    content = json.loads(json.dumps(vocabulary.to_json()))
    assert Vocabulary.from_json(content) == vocabulary
    assert Vocabulary.from_json(content).fingerprint() == vocabulary.fingerprint()


def test_what_a_file_says_of_a_vocabulary():
    assert Vocabulary(["b", "a"]).to_json() == {
        "scheme": "keras.datasets.imdb",
        "padding": 0,
        "start": 1,
        "unknown": 2,
        "first_word": 4,
        "words": ["b", "a"],
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": ["a", 1]}, "expected words, a list of texts"),
        ({"words": None}, "expected words, a list of texts"),
        ({"words": ["a", "b", "a"]}, "expected every word once, got 'a' again"),
        ({"scheme": "bpe"}, "tidegate.words, tidegate.characters or tidegate.bpe, got 'bpe'"),
        ({"unknown": 0}, "expected {'unknown': 2}, got {'unknown': 0}"),
        ({"extra": 1}, "expected {'extra': None}, got {'extra': 1}"),
    ],
    ids=["no text", "none", "twice", "scheme", "reserved", "more"],
)
def test_a_damaged_vocabulary_is_refused(change, message):
    with pytest.raises(FormatError, match=re.escape(message)):
        Vocabulary.from_json(Vocabulary(["a"]).to_json() | change)


def test_fingerprints_tell_vocabularies_apart():
    vocabularies = [Vocabulary(["a", "b"]), Vocabulary(["b", "a"]), Vocabulary(["a", "b"], WORDS)]
    assert len({vocabulary.fingerprint() for vocabulary in vocabularies}) == 3


def test_the_front_is_padded_and_the_front_is_cut():
    ids = Ragged.from_rows([[1, 5, 6], [1, 4, 5, 6, 7], [], [1, 2, 3, 4]])
    assert pad_front(ids, 4).tolist() == [[0, 1, 5, 6], [4, 5, 6, 7], [0, 0, 0, 0], [1, 2, 3, 4]]


@pytest.fixture
def dataset():
    train = Split([f"word{n} the" for n in range(10)], np.arange(10) % 2)
    test = Split(["the unseen", "the the the"], np.array([0, 1]))
    return TextDataset("toy", "nowhere", train, test, TASK)


def prepared(dataset, limit=None, **options):
    values = {"vocabulary_size": 20, "max_length": 3} | options
    return prepare(dataset, TextOptions(**values), validation_share=0.2, limit=limit)


def rows(sequences):
    return [sequences[row].tolist() for row in range(len(sequences))]


def test_the_end_of_the_training_part_validates(dataset):
    data = prepared(dataset)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [8, 2, 2]
    assert data.validation.targets.tolist() == [0, 1]
    # "the" is the most frequent word, word8 and word9 the last of ten in the alphabet.
    assert rows(data.validation.token_ids) == [[1, 13, 4], [1, 14, 4]]


def test_short_texts_are_padded_where_it_is_asked_for(dataset):
    data = prepared(dataset, max_length=4, padding="front")
    assert rows(data.validation.token_ids) == [[0, 1, 13, 4], [0, 1, 14, 4]]
    assert rows(data.test.token_ids) == [[0, 1, 4, 2], [1, 4, 4, 4]]
    assert rows(prepared(dataset, max_length=4).test.token_ids) == [[1, 4, 2], [1, 4, 4, 4]]


def test_texts_are_whole_where_no_length_is_asked_for(dataset):
    data = prepared(dataset, max_length=None)
    assert rows(data.test.token_ids) == [[1, 4, 2], [1, 4, 4, 4]]
    assert (data.facts["training_texts_cut"], data.facts["test_texts_cut"]) == (0, 0)
    assert prepared(dataset, max_length=3).facts["test_texts_cut"] == 1


@pytest.mark.parametrize(
    ("options", "looks_ahead"),
    [
        ({"max_length": None}, False),
        ({"max_length": 3}, True),
        ({"max_length": 9, "padding": "front"}, True),
    ],
    ids=["all tokens", "the last tokens", "padded"],
)
def test_what_looks_ahead_reads_a_text_other_than_as_its_beginning_goes_on(options, looks_ahead):
    texts = ["the film is good", "a film is the film", "the film is bad"] * 3
    asked = TextOptions(vocabulary_size=20, bigram_vocabulary_size=9, **options)
    found = TextPreprocessor.fit(split(texts, "keras"), asked)
    assert found.looks_ahead == looks_ahead
    words = "the film is good a bad film".split()
    whole = found.transform([" ".join(words)])
    for name in ("token_ids", "bigram_ids"):
        begun = [
            found.transform([" ".join(words[:count])])[name][0].tolist() for count in range(1, 7)
        ]
        goes_on = [part == whole[name][0].tolist()[: len(part)] for part in begun]
        assert all(goes_on) != looks_ahead


@pytest.mark.parametrize("tokens", NAMES)
def test_few_and_many_texts_get_the_same_ids(tokens, monkeypatch):
    texts = [
        *nasty_texts(400),
        "",
        " ",
        "don\u2019t <br /> e\u0301t\xe9 \u6f22\u5b57 \U0001f600\x00",
    ]
    options = TextOptions(40, 9, tokens, bigram_vocabulary_size=30, full_token_ids=True)
    tokeniser = fit(tokens, texts[::2], 300)
    made = TextPreprocessor.fit(tokeniser.split(texts[::2]), options)
    expected = made.transform_words(tokeniser.split(texts))
    for many in (1, 1 << 30):
        monkeypatch.setattr(text, "MANY_TEXTS", many)
        arrays = made.transform(texts)
        assert arrays.keys() == expected.keys() == {"token_ids", "bigram_ids", "full_token_ids"}
        for name, ids in expected.items():
            assert len(np.unique(ids.values)) > 20
            assert (arrays[name].values.dtype, rows(arrays[name])) == (np.int32, rows(ids))


def test_the_test_part_never_enters_the_vocabulary(dataset):
    data = prepared(dataset)
    assert "unseen" not in data.vocabulary.words
    assert rows(data.test.token_ids) == [[1, 4, 2], [4, 4, 4]]
    other = TextDataset(
        "toy", "nowhere", dataset.train, Split(["word1"] * 9, np.zeros(9, np.int64)), TASK
    )
    assert prepared(other).vocabulary == data.vocabulary


def test_the_whole_texts_are_kept_where_it_is_asked_for(dataset):
    data = prepared(dataset, vocabulary_size=6, max_length=2, full_token_ids=True)
    assert rows(data.validation.token_ids) == [[2, 4], [2, 4]]
    assert rows(data.validation.full_token_ids) == [[1, 13, 4, 3], [1, 14, 4, 3]]  # 3 ends a text
    assert rows(data.test.full_token_ids) == [[1, 4, 2, 3], [1, 4, 4, 4, 3]]
    assert prepared(dataset).test.full_token_ids is None


def test_texts_may_be_numbered_by_a_vocabulary_from_before(dataset):
    values = TextOptions(vocabulary_size=20, max_length=3)
    words = Vocabulary(["the", "!"], WORDS)
    data = prepare(dataset, values, validation_share=0.2, vocabulary=words)
    assert data.vocabulary == Vocabulary(["the", "!"], WORDS)
    assert rows(data.test.token_ids) == [[1, 4, 2], [4, 4, 4]]


def test_texts_without_labels_have_a_say_in_the_vocabularies(dataset):
    values = TextOptions(7, 3, bigram_vocabulary_size=9, full_token_ids=True)
    others = [["new word9", "the new"], ["the new"]]
    data = prepare(dataset, values, validation_share=0.2, unlabelled=others)
    assert data.vocabulary.words == ["the", "new", "word9"]
    assert data.bigrams.codes.tolist() == [1 * 7 + 4, 4 * 7 + 5]
    assert rows(data.unlabelled.token_ids) == [[1, 5, 6], [1, 4, 5], [1, 4, 5]]
    assert rows(data.unlabelled.bigram_ids) == [[0, 0, 0], [0, 1, 2], [0, 1, 2]]
    # The linear model knows the words of texts with labels.
    assert rows(data.unlabelled.full_token_ids) == [[1, 2, 14, 3], [1, 4, 2, 3], [1, 4, 2, 3]]
    assert "new" not in prepare(dataset, values, validation_share=0.2).vocabulary.words


def test_what_was_done_is_counted(dataset):
    facts = prepared(dataset, vocabulary_size=9).facts
    expected = {
        "num_train": 8,
        "num_validation": 2,
        "num_test": 2,
        "distinct_words": 11,
        "training_words": 20,
        "training_words_unknown": 6,  # "the" and 4 of 10 words have an id
        "training_texts_empty": 0,
        "training_texts_cut": 0,
        "test_words": 5,
        "test_words_unknown": 1,
        "test_texts_empty": 0,
        "test_texts_cut": 1,
    }
    assert {name: facts[name] for name in expected} == expected


def test_a_limit_takes_the_first_training_texts_and_all_of_the_test(dataset):
    data = prepared(dataset, limit=5)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [4, 1, 2]
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
