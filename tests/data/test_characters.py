"""Characters as tokens: those of several scripts, and what normalisation makes of them."""

import unicodedata

import numpy as np
import pytest

from odd_texts import SCRIPTS, nasty_texts
from tidegate.data import text_blocks
from tidegate.data.preprocessing.text import TextOptions, TextPreprocessor
from tidegate.data.text_blocks import distinct_numbers
from tidegate.data.tokenise import CHARACTERS, NAMES, fit
from tidegate.data.vocabulary import Vocabulary
from tidegate.errors import DataError, FormatError


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("\u4eca\u5929\u3000 \u5929\u6c14\u597d\u3002\n", "\u4eca\u5929 \u5929\u6c14\u597d\u3002"),
        # Unicode's order of marks on one letter: the vowel sign before the doubling.
        ("\u0645\u064f\u062d\u0651\u064e", "\u0645\u064f\u062d\u064e\u0651"),
        ("\u0e19\u0e49\u0e33", "\u0e19\u0e49\u0e33"),
        ("Hi \U0001f44d\U0001f3fd!", "Hi \U0001f44d\U0001f3fd!"),
        ("E\u0301te\u0301 q\u0301", "\xc9t\xe9 q\u0301"),
        ("  two\t\x85\xa0 blanks \x00 ", "two blanks \x00"),
        ("\u1112\u1161\u11ab", "\ud55c"),
    ],
    ids=["Chinese", "Arabic", "Thai", "emoji", "accents", "blanks", "Korean"],
)  # fmt: skip
def test_every_character_is_a_token(text, characters):
    assert CHARACTERS.split([text, ""])[0] == [*characters]
    tokens = CHARACTERS.tokenise(["", text])
    assert [tokens.words[place].decode() for place in tokens.codes[1]] == [*characters]


@pytest.mark.parametrize("block", [1, 50, 1 << 20], ids=["blocks of one", "small", "one block"])
def test_characters_are_those_of_a_plain_loop(block, monkeypatch):
    monkeypatch.setattr(text_blocks, "BLOCK_CHARACTERS", block)
    texts = [*nasty_texts(500), *SCRIPTS.values()]
    expected = [[*" ".join(unicodedata.normalize("NFC", text).split())] for text in texts]
    words, tokens = CHARACTERS.split(texts), CHARACTERS.tokenise(texts)
    assert [words[row] for row in range(len(texts))] == expected
    flat = [character for text in expected for character in text]
    assert words.distinct.to_pylist() == [*dict.fromkeys(flat)]
    assert [tokens.words[place].decode() for place in tokens.codes.values] == flat
    assert tokens.codes.lengths().tolist() == [*map(len, expected)]


@pytest.mark.parametrize("tokens", ["words", "characters", "bpe"])
def test_composed_and_combining_characters_get_the_same_ids(tokens):
    composed = ["caf\xe9 \u1ebf \ud55c\uad6d", "na\xefve"]
    split_up = [unicodedata.normalize("NFD", text) for text in composed]
    assert [len(text) for text in split_up] > [len(text) for text in composed]
    tokeniser = fit(tokens, composed * 3, 300)
    made = TextPreprocessor.fit(tokeniser.split(composed), TextOptions(300, None, tokens))
    one, two = (made.transform(texts)["token_ids"] for texts in (composed, split_up))
    assert one.values.tolist() == two.values.tolist()
    assert 2 not in one.values  # nothing is unknown


@pytest.mark.parametrize("tokens", NAMES)
@pytest.mark.parametrize("script", SCRIPTS)
def test_texts_of_every_script_come_through(script, tokens):
    text = SCRIPTS[script]
    tokeniser = fit(tokens, [text] * 2, 400)
    made = TextPreprocessor.fit(tokeniser.split([text]), TextOptions(400, None, tokens))
    ids = made.transform([text])["token_ids"]
    assert ids.values[0] == 1
    assert ids.values[1:].min() >= 4


@pytest.mark.parametrize("tokens", ["characters", "bpe"])
def test_half_a_surrogate_pair_is_refused(tokens):
    tokeniser = fit(tokens, ["fine"], 300)
    for way in (tokeniser.split, tokeniser.tokenise):
        with pytest.raises(DataError, match="expected texts of whole characters.*at position"):
            way(["fine", "bad \ud83d"])


def test_a_vocabulary_of_longer_words_is_refused():
    content = Vocabulary(["a", "\u4eca"], CHARACTERS).to_json()
    assert content["scheme"] == "tidegate.characters"
    for word in ("ab", ""):
        with pytest.raises(FormatError, match=f"expected words that are characters, got '{word}'"):
            Vocabulary.from_json(content | {"words": ["a", word]})


def test_distinct_numbers_are_those_of_numpy():
    for numbers in (np.array([5, 0, 5, 9, 1]), np.array([3]), np.empty(0, np.int32)):
        expected = np.unique(numbers, return_inverse=True)
        for found, part in zip(distinct_numbers(numbers), expected, strict=True):
            assert found.tolist() == part.tolist()
