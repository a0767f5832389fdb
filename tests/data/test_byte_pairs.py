"""Byte pairs: which are merged, that no byte is lost, and that nothing but the texts decides."""

import hashlib
import json
import os
import re
import string
import subprocess
import sys

import pytest

from odd_texts import SCRIPTS, nasty_texts
from tidegate.data import byte_pairs
from tidegate.data.byte_pairs import ALPHABET, BytePairTokeniser
from tidegate.data.text_blocks import normalise
from tidegate.data.vocabulary import Vocabulary
from tidegate.errors import FormatError, MissingPackageError

BLANK = "\u0120"
LOW = (("l", "o"), (BLANK, "lo"), (BLANK + "lo", "w"))


@pytest.fixture(scope="module")
def learnt():
    return BytePairTokeniser.fit([*SCRIPTS.values()] * 3 + nasty_texts(200), 600)


def spelt(pieces):
    """The text that pieces spell, with a blank before it."""
    return bytes(ALPHABET.index(character) for character in "".join(pieces)).decode()


def test_the_most_frequent_pair_is_merged_until_none_stands_twice():
    # l-o, o-w and blank-l stand three times: of equals the first in the alphabet is merged.
    found = BytePairTokeniser.fit(["low low lower"], 1_000)
    assert found.merges == LOW
    for pieces, tokeniser in (
        (["l", "o"], found),  # which the texts have within longer pieces alone
        (["lo"], BytePairTokeniser(LOW)),
    ):
        assert tokeniser.split(["LOW low, slow  low"])[0] == [
            *f"{BLANK}LOW",
            *(BLANK + "low", ","),
            *(BLANK, "s", *pieces, "w"),
            BLANK + "low",
        ]
    assert found == BytePairTokeniser(LOW, (0, 1))
    assert [found.can_be(piece) for piece in ("lo", BLANK + "lo", BLANK + "low", "o")] == [
        *(False, False, True, True)
    ]


def test_there_are_as_many_pieces_as_asked_for():
    assert BytePairTokeniser.fit(["low low lower"], 256 + 2).merges == LOW[:2]
    assert BytePairTokeniser.fit(["low low lower"], 10).merges == ()
    assert BytePairTokeniser.fit([], 1_000).merges == ()


def test_runs_end_at_punctuation_symbols_and_after_32_characters():
    line = string.ascii_letters + "01"
    found = BytePairTokeniser.fit([line] * 2, 10_000)
    assert found.split([line])[0] == [BLANK + line[:31], line[31:]]
    # No merge reaches over a mark, in whatever script.
    marked = "\u597d\u3002\u4eca\u5929\U0001f600\u597d"
    pieces = BytePairTokeniser.fit([marked] * 9, 10_000).split([marked])[0]
    assert [spelt([piece]) for piece in pieces] == [
        " \u597d",
        "\u3002",
        "\u4eca\u5929",
        "\U0001f600",
        "\u597d",
    ]


def test_pieces_spell_the_normalised_text(learnt):
    for text in [*SCRIPTS.values(), *nasty_texts(500), "\x00", "\U0010ffff", "new \u0416"]:
        pieces = learnt.split([text])[0]
        assert spelt(pieces) == (f" {normalise(text)}" if normalise(text) else "")
        assert all(learnt.can_be(piece) for piece in pieces)
    assert not learnt.can_be("zzzzzz")


@pytest.mark.parametrize("threads", ["1", "3"])
def test_merges_do_not_depend_on_threads(threads):
    code = (
        "import hashlib, sys\n"
        "from odd_texts import SCRIPTS, nasty_texts\n"
        "from tidegate.data.byte_pairs import BytePairTokeniser\n"
        "texts = [*SCRIPTS.values()] * 3 + nasty_texts(200)\n"
        "merges = BytePairTokeniser.fit(texts, 600).merges\n"
        "print(len(merges), hashlib.sha256(repr(merges).encode()).hexdigest())\n"
    )
    environment = os.environ | {"RAYON_NUM_THREADS": threads, "PYTHONPATH": "tests"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    merges = BytePairTokeniser.fit([*SCRIPTS.values()] * 3 + nasty_texts(200), 600).merges
    expected = hashlib.sha256(repr(merges).encode()).hexdigest()
    assert done.stdout.split() == [str(len(merges)), expected]
    assert len(merges) > 200


def test_it_comes_back_from_its_file(learnt):
    content = json.loads(json.dumps(learnt.to_json()))
    assert {*content} == {"scheme", "merges", "unmerged"}
    assert len(content["unmerged"]) > 20
    found = BytePairTokeniser.from_json(content)
    assert found == learnt
    given = [*SCRIPTS.values(), "new \u0416 words"]
    assert found.split(given).codes.values.tolist() == learnt.split(given).codes.values.tolist()
    assert found != BytePairTokeniser(learnt.merges, learnt.unmerged[:-1])


@pytest.mark.parametrize(
    ("merges", "message"),
    [
        (None, "expected a list of at most 1,048,576 pairs, got NoneType"),
        ({"l": "o"}, "got dict"),
        ([["l", "o", "w"]], "expected pairs of bytes or of what earlier merges make"),
        (["lo"], "got lo at place 0"),
        ([["l", 1]], "got ['l', 1] at place 0"),
        ([["l", ["o"]]], "got ['l', ['o']] at place 0"),
        ([["l", ""]], "got ['l', ''] at place 0"),
        ([["l", "ow"]], "got ['l', 'ow'] at place 0"),
        ([["lo", "w"], ["l", "o"]], "got ['lo', 'w'] at place 0"),
        ([["l", " "]], "got ['l', ' '] at place 0"),
        ([["l", "o"], ["l", "o"]], "expected every pair once"),
        ([["a" * 2**n, "a" * 2**n] for n in range(7)], "pieces of at most 64 characters"),
    ],
    ids=repr,
)
def test_merges_that_are_none_are_refused(merges, message):
    with pytest.raises(FormatError, match=re.escape(message)):
        BytePairTokeniser.from_json({"scheme": "tidegate.bpe", "merges": merges})


@pytest.mark.parametrize(
    "places", [None, {}, [0.0], [True], ["0"], [1, 0], [0, 0], [-1], [3], [10**30]], ids=repr
)
def test_other_places_of_merges_are_refused(places):
    content = BytePairTokeniser(LOW).to_json() | {"unmerged": places}
    with pytest.raises(FormatError, match="merges: expected unmerged as ascending places among 3"):
        BytePairTokeniser.from_json(content)


def test_what_was_learnt_from_is_split_into_pieces_that_were_learnt(learnt):
    """No piece of another text is one that the texts do not have, bytes alone excepted."""
    known = {*learnt.split([*SCRIPTS.values()] * 3 + nasty_texts(200)).distinct.to_pylist()}
    others = [text[::-1] for text in SCRIPTS.values()] + nasty_texts(400)
    found = {*learnt.split(others).distinct.to_pylist()} - known
    assert all(len(piece) == 1 for piece in found)


def test_too_many_merges_are_refused(monkeypatch):
    monkeypatch.setattr(byte_pairs, "MOST_MERGES", 2)
    assert BytePairTokeniser.fit(["low low lower"], 1_000).merges == LOW[:2]
    with pytest.raises(FormatError, match="expected a list of at most 2 pairs, got 3"):
        BytePairTokeniser.from_json(BytePairTokeniser(LOW).to_json())


def test_a_vocabulary_of_other_pieces_is_refused():
    content = Vocabulary([BLANK + "low", "x"], BytePairTokeniser(LOW)).to_json()
    assert Vocabulary.from_json(content).words == [BLANK + "low", "x"]
    with pytest.raises(FormatError, match="expected words that are bpe, got 'lower'"):
        Vocabulary.from_json(content | {"words": ["lower"]})
    with pytest.raises(FormatError, match="expected pairs of bytes"):
        Vocabulary.from_json(content | {"merges": [["lo", "w"]]})
    with pytest.raises(FormatError, match="merges: expected a list"):
        Vocabulary.from_json({name: part for name, part in content.items() if name != "merges"})


def test_without_its_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(byte_pairs, "find_spec", lambda name: None)
    message = r"expected the package tokenizers, got none; pip install 'tidegate\[bpe\]'"
    with pytest.raises(MissingPackageError, match=message):
        BytePairTokeniser.fit(["a"], 300)
    with pytest.raises(MissingPackageError, match=message):
        BytePairTokeniser.from_json(BytePairTokeniser(LOW).to_json())
