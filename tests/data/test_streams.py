"""Streams of running text: every token once, in order, and the same at every call."""

from itertools import pairwise

import numpy as np
import pytest

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.data.streams import Streams

START = 1


def corpus(num_documents=7, seed=0):
    """Documents of unequal length, one of them empty; no token but START stands twice."""
    lengths = np.random.default_rng(seed).integers(1, 9, num_documents)
    lengths[3] = 0
    tokens = iter(range(10, 10_000))
    return Ragged.from_rows([[START, *(next(tokens) for _ in range(n))] for n in lengths])


def rows(window):
    """Inputs and targets of every stream."""
    cuts = window.offsets[1:-1]
    return zip(np.split(window.inputs, cuts), np.split(window.targets, cuts), strict=True)


def joined(streams, epoch=0):
    """Each stream of an epoch from end to end: (inputs, targets)."""
    windows = [list(rows(streams.window(epoch, step))) for step in range(streams.num_windows)]
    return [
        tuple(np.concatenate([window[b][part] for window in windows]) for part in (0, 1))
        for b in range(streams.num_streams)
    ]


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize(("num_streams", "num_steps"), [(1, 4), (3, 4), (5, 1), (4, 100)])
def test_every_token_is_a_target_once_and_follows_its_input(num_streams, num_steps, reverse):
    texts = corpus()
    streams = Streams(texts, num_streams=num_streams, num_steps=num_steps, seed=3, reverse=reverse)
    found = joined(streams, epoch=2)
    text = np.concatenate([found[0][0][:1], *(targets for _, targets in found)])
    np.testing.assert_array_equal(np.sort(text), np.sort(texts.values))
    for inputs, targets in found:
        np.testing.assert_array_equal(inputs[1:], targets[:-1])
    for (_, before), (after, _) in pairwise(found):
        assert after[0] == before[-1]
    lengths = [len(inputs) for inputs, _ in found]
    assert max(lengths) - min(lengths) <= 1
    # The text is the documents, each whole and none cut up.
    forward = text[::-1] if reverse else text
    documents = np.split(forward, np.flatnonzero(forward == START)[1:])
    expected = {tuple(texts[row]) for row in range(len(texts))}
    assert {tuple(map(int, document)) for document in documents} == expected


def test_windows_are_of_equal_length_but_the_last():
    texts = Ragged(np.arange(27, dtype=np.int32), np.array([0, 27]))
    streams = Streams(texts, num_streams=2, num_steps=5, seed=0)
    assert streams.num_windows == 3
    lengths = [np.diff(streams.window(0, step).offsets).tolist() for step in range(3)]
    assert lengths == [[5, 5], [5, 5], [3, 3]]
    window = streams.window(0, 1)
    assert window.inputs.tolist() == [5, 6, 7, 8, 9, 18, 19, 20, 21, 22]
    assert window.targets.tolist() == [6, 7, 8, 9, 10, 19, 20, 21, 22, 23]


def test_a_window_is_a_function_of_seed_epoch_and_step():
    texts = corpus(40)

    def inputs(seed, epoch, step, reverse=False):
        streams = Streams(texts, num_streams=3, num_steps=4, seed=seed, reverse=reverse)
        for other in (5, 0):  # whatever was read before
            streams.window(other, 0)
        return streams.window(epoch, step).inputs.tolist()

    first = inputs(1, 0, 2)
    assert inputs(1, 0, 2) == first
    assert len({tuple(first), *(tuple(inputs(*other)) for other in [(2, 0, 2), (1, 1, 2)])}) == 3
    assert inputs(1, 0, 2, reverse=True) != first


def test_documents_are_read_from_a_memory_map_that_does_not_begin_at_0(tmp_path):
    texts = corpus(20)
    np.save(tmp_path / "values.npy", np.concatenate([[7, 7, 7], texts.values]).astype(np.int32))
    mapped = Ragged(np.load(tmp_path / "values.npy", mmap_mode="r"), texts.offsets + 3)
    for step in range(3):
        ours, theirs = (
            Streams(each, num_streams=2, num_steps=6, seed=0).window(0, step)
            for each in (mapped, texts)
        )
        np.testing.assert_array_equal(ours.inputs, theirs.inputs)
        assert ours.targets.dtype == np.int64


def test_an_empty_document_adds_nothing():
    values = np.arange(1, 9, dtype=np.int32)
    whole = Ragged(values, np.array([0, 8]))
    streams = Streams(Ragged(values, offsets_of([0, 8, 0, 0])), num_streams=2, num_steps=3, seed=0)
    expected = Streams(whole, num_streams=2, num_steps=3, seed=0)
    for step in range(expected.num_windows):
        np.testing.assert_array_equal(
            streams.window(0, step).targets, expected.window(0, step).targets
        )


@pytest.mark.parametrize(
    ("num_streams", "num_steps", "message"),
    [
        (0, 4, "Streams: expected num_streams of at least 1, got 0"),
        (2, 0, "Streams: expected num_steps of at least 1, got 0"),
        (
            8,
            4,
            r"Streams: expected more tokens than streams \(num_streams = 8\), got a corpus of 8",
        ),
    ],
)
def test_impossible_streams_are_refused(num_streams, num_steps, message):
    texts = Ragged(np.arange(8, dtype=np.int32), np.array([0, 8]))
    with pytest.raises(ValueError, match=message):
        Streams(texts, num_streams=num_streams, num_steps=num_steps, seed=0)


def test_a_step_past_the_epoch_is_refused():
    texts = Ragged(np.arange(8, dtype=np.int32), np.array([0, 8]))
    streams = Streams(texts, num_streams=1, num_steps=4, seed=0)
    with pytest.raises(IndexError, match="Streams: expected a step below 2, got 2"):
        streams.window(0, 2)
