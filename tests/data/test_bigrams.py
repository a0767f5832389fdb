"""Pairs of neighbouring words: which have ids, which they are, and what a model folder keeps."""

import json

import numpy as np
import pytest

from tidegate.data.bigrams import NONE, Bigrams
from tidegate.data.ragged import Ragged
from tidegate.errors import FormatError

V, UNKNOWN = 20, 2
ROWS = [[1, 7, 5, 7, 5], [], [1, 7, 5], [5, 9], [1, 2, 7], [1, 2, 7], [5, 9], [7, 9], [3]]
# (1, 7) and (5, 9) twice, (7, 5) three times, (5, 7) and (7, 9) once; (1, 2) and (2, 7) twice,
# but with an unknown word.


def build(rows=ROWS, size=100):
    return Bigrams.build(Ragged.from_rows(rows), V, size, unknown=UNKNOWN)


def pairs(bigrams):
    return np.stack(np.divmod(bigrams.codes, bigrams.num_ids), 1).tolist()


def encode(bigrams, rows):
    found = bigrams.encode(Ragged.from_rows(rows))
    assert found.values.dtype == np.int32
    return [found[row].tolist() for row in range(len(found))]


def test_ids_are_of_pairs_that_stand_twice_in_ascending_order():
    found = build()
    assert pairs(found) == [[1, 7], [5, 9], [7, 5]]
    assert len(found) == 4


def test_the_most_frequent_pairs_are_kept_and_of_equals_the_lower_words():
    assert pairs(build(size=2)) == [[7, 5]]
    assert pairs(build(size=3)) == [[1, 7], [7, 5]]
    for size in (0, 1):
        assert (pairs(build(size=size)), len(build(size=size))) == ([], 1)


def test_no_pair_reaches_over_the_end_of_a_text():
    assert pairs(build([[4, 5], [6, 4], [5], [6], [4], [5]] * 3)) == [[4, 5], [6, 4]]
    assert pairs(build([[4], [5]] * 3)) == []
    assert pairs(build([])) == []


def test_an_id_stands_at_the_second_word():
    found = build()
    assert encode(found, [[1, 7, 5, 9], [7, 5], [], [9], [5, 9, 5, 9]]) == [
        [NONE, 1, 3, 2],
        [NONE, 3],
        [],
        [NONE],
        [NONE, 2, NONE, 2],
    ]


def test_what_has_no_id_is_none():
    found = build()
    # Rare, unknown, below the first and above the last of all pairs, and over the end of a text.
    rows = [[5, 7], [2, 7], [1, 2], [0, 0], [19, 19], [7, 9], [1], [7]]
    assert encode(found, rows) == [[NONE] * len(row) for row in rows]
    assert encode(build(size=1), [[7, 5]]) == [[NONE, NONE]]


def test_pairs_of_a_part_are_those_of_its_rows():
    """Sequences that begin in the middle of their array know nothing of those before."""
    ragged = Ragged.from_rows([[7, 5], [7, 5, 9]])
    part = Ragged(ragged.values, ragged.offsets[1:])
    found = build().encode(part)
    assert found[0].tolist() == [NONE, 3, 2]


def test_the_words_of_a_large_vocabulary_are_not_mixed_up():
    """first * num_ids + second is beyond 32 bits."""
    num_ids = 100_000
    rows = [[99_999, 99_998], [99_998, 99_999]] * 2 + [[43_000, 5]] * 2
    found = Bigrams.build(Ragged.from_rows(rows), num_ids, 10, unknown=UNKNOWN)
    assert pairs(found) == [[43_000, 5], [99_998, 99_999], [99_999, 99_998]]
    assert encode(found, rows[:2]) == [[0, 3], [0, 2]]


def test_they_come_back_from_their_file():
    for found in (build(), build(size=1)):
        content = json.loads(json.dumps(found.to_json()))
        again = Bigrams.from_json(content)
        assert again.to_json() == content
        assert content["num_words"] == V
        assert encode(again, ROWS) == encode(found, ROWS)


@pytest.mark.parametrize(
    "content",
    [
        {"codes": []},
        {"num_words": V, "codes": "none"},
        {"num_words": V, "codes": ["a"]},
        {"num_words": V, "codes": [1.0]},
        {"num_words": V, "codes": [V * V]},
        {"num_words": V, "codes": [-1]},
        {"num_words": V, "codes": [8, 7]},
        {"num_words": V, "codes": [7, 7]},
        {"num_words": V, "codes": [7], "more": 1},
    ],
    ids=["no number", "text", "words", "float", "large", "negative", "unordered", "twice", "more"],
)
def test_what_is_damaged_is_refused(content):
    with pytest.raises(FormatError, match="bigrams: expected"):
        Bigrams.from_json(content)
