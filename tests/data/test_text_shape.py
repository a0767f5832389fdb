"""The size and form of texts: counts, percentiles, and a sample of many."""

from tidegate.data.text_shape import MOST_READ, TextShape, measure
from tidegate.task import Task


def test_few_texts_are_counted_one_by_one():
    texts = ["a film", "a good film!", "bad", ""]
    task = Task("multi-class", ("low", "middle", "high"))
    assert measure(texts, "words", task) == TextShape(4, 7, 1, 2, 5, "multi-class", 3)
    # The mark of punctuation is no token of this scheme.
    assert measure(texts, "keras", task).num_tokens == 6


def test_of_many_texts_some_at_equal_distances_stand_for_all():
    # Texts grow from first to last, so that the first ones alone would be too short.
    texts = ["word " * (1 + number // 1_000) for number in range(4 * MOST_READ)]
    found = measure(texts, "words", Task())
    exact = sum(1 + number // 1_000 for number in range(len(texts)))
    assert found.num_texts == 4 * MOST_READ
    assert abs(found.num_tokens - exact) < exact / 500
    assert (found.median_length, found.long_length, found.num_distinct) == (10, 19, 1)


def test_no_texts_have_no_tokens():
    assert measure([], "words", Task()) == TextShape(0, 0, 0, 0, 0)
