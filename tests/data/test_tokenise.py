"""Words of texts: Keras' rule against its plain form, and the rule that keeps punctuation."""

import numpy as np
import pyarrow as pa
import pytest

from odd_texts import nasty_texts
from tidegate.data import text_blocks
from tidegate.data.sources import imdb
from tidegate.data.tokenise import FIXED, split
from tidegate.errors import DataError

PUNCTUATION = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n', " "))


def keras_words(text):
    """``keras.preprocessing.text.text_to_word_sequence``, as it stands there but for its names."""
    return [word for word in text.lower().translate(PUNCTUATION).split(" ") if word]


def lists(words):
    return [words[text] for text in range(len(words))]


def test_words_are_lower_case_and_punctuation_parts_them():
    text = "It's GREAT!<br /><br />A well-made\tfilm_noir (1944)."
    words = "it's great br br a well made film noir 1944"
    assert lists(split([text, "", "!"])) == [words.split(), [], []]


@pytest.mark.parametrize("block", [1, 50, 1 << 20], ids=["blocks of one", "small", "one block"])
def test_keras_words_of_nasty_texts_are_those_of_its_own_rule(block, monkeypatch):
    monkeypatch.setattr(text_blocks, "BLOCK_CHARACTERS", block)
    texts = nasty_texts(3_000)
    assert lists(split(texts)) == [keras_words(text) for text in texts]


def test_keras_words_of_the_packaged_reviews_are_those_of_its_own_rule():
    data = imdb.packaged()
    texts = data.train.texts + data.test.texts
    for start in range(0, len(texts), 5_000):
        part = texts[start : start + 5_000]
        words, expected = split(part), [keras_words(text) for text in part]
        flat = [word for one in expected for word in one]
        assert words.distinct.to_pylist() == [*dict.fromkeys(flat)]
        assert words.distinct.take(pa.array(words.codes.values)).to_pylist() == flat
        assert words.codes.lengths().tolist() == [len(one) for one in expected]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's GREAT!<br /><br />I don't care...", "it's great ! i don't care . . ."),
        ("<BR/>A b<br>c<b>d", "a b c b d"),
        ('Well-made; 7.5/10 (or "8,0"): why?', 'well made ; 7 . 5 10 ( or " 8 , 0 " ) : why ?'),
        ("'quoted' dogs' 'n' rock'n'roll o''clock '", "quoted dogs n rock'n'roll o clock"),
        ("50% of R&B_@ \x00 \x7f", "50 of r b"),
        ("don\u2019t \u201cgo\u201d \xabthere\xbb it\x92s", "don't \" go \" \" there \" it's"),
        ("fin\u2026 fin\x85", "fin . . . fin . . ."),
        ("a\xa0b\u2014c\u3000d\U0001f600e \xa35", "a b c d e 5"),
        ("\xc9t\xe9 E\u0301te\u0301 so\xadft", "\xe9t\xe9 \xe9t\xe9 soft"),
        ("\u0939\u093f\u0928\u094d\uff0c\u6f22", "\u0939\u093f\u0928\u094d \u6f22"),
    ],
    ids=["breaks", "other breaks", "marks", "apostrophes", "symbols", "quotes", "ellipsis",
         "blanks", "accents", "scripts"],
)  # fmt: skip
def test_punctuation_is_kept_as_words(text, words):
    assert split([text], "words")[0] == words.split(" ")


def test_a_texts_words_do_not_depend_on_its_neighbours():
    texts = nasty_texts(300)
    for tokens in FIXED:
        assert lists(split(texts, tokens)) == [split([text], tokens)[0] for text in texts]


def test_distinct_words_are_numbered_as_they_appear_and_counted():
    words = split(["b a b", "", "c a"])
    assert words.distinct.to_pylist() == ["b", "a", "c"]
    assert words.codes.values.tolist() == [0, 1, 0, 2, 1]
    assert words.codes.offsets.tolist() == [0, 3, 3, 5]
    assert words.counts().tolist() == [2, 2, 1]


def test_the_words_of_the_first_texts_are_those_of_a_split_of_them():
    texts = ["b a", "", "a c b", "d"]
    for count in range(len(texts) + 1):
        found, expected = split(texts).first(count), split(texts[:count])
        assert found.distinct.to_pylist() == expected.distinct.to_pylist()
        np.testing.assert_array_equal(found.codes.values, expected.codes.values)
        np.testing.assert_array_equal(found.codes.offsets, expected.codes.offsets)


@pytest.mark.parametrize("texts", [[], [""], ["", " "]], ids=["none", "empty", "blank"])
@pytest.mark.parametrize("tokens", FIXED)
def test_texts_without_words(texts, tokens):
    words = split(texts, tokens)
    assert lists(words) == [[] for _ in texts]
    assert words.counts().tolist() == []


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(DataError, match="expected texts of whole characters.*at position 3"):
        split(["fine", "bad\ud83d"])


def test_a_text_beyond_what_can_be_counted_is_refused(monkeypatch):
    monkeypatch.setattr(text_blocks, "MAX_BLOCK_BYTES", 10)
    with pytest.raises(DataError, match="less than 2 GB, got 11 bytes"):
        split(["a" * 11])


def test_an_unknown_name_is_refused():
    with pytest.raises(
        ValueError, match="expected one of the tokens keras, words, characters, got 'bpe'"
    ):
        split([], "bpe")
