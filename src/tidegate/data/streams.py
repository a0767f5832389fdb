"""Running text for language models: a corpus as parallel streams, and those in windows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.seeding import permutation


@dataclass(frozen=True)
class Window:
    """A few steps of every stream: input tokens, and the next tokens as targets."""

    inputs: NDArray[np.int64]
    """The tokens read, shape (P,), P the sum of the streams' steps."""
    targets: NDArray[np.int64]
    """The token after each of them in its stream, shape (P,)."""
    offsets: NDArray[np.int64]
    """Where each stream begins, and the end of the last; shape (number of streams + 1,)."""


@dataclass(frozen=True)
class _Text:
    """The documents of a corpus in one order, as places of its flat array."""

    ends: NDArray[np.int64]
    """The place in the text after each document, in the text's order."""
    shifts: NDArray[np.int64]
    """What leads from a place in the text to the place in the corpus, document by document."""


class Streams:
    """A corpus of documents as running text, cut for truncated backpropagation through time.

    In every epoch the documents follow one another in a new random order. That text is cut into
    streams of equal length (or one token less), which are read side by side, a window of steps at
    a time: window k + 1 goes on where window k ended, so that a network can carry its state over.
    Every token but the text's first is a target once an epoch; the last window has what is left.

    Which window comes is a function of (seed, epoch, step) alone. Of a corpus in a memory map, only
    the tokens of the window are read; the order takes 16 bytes a document.

    Args:
        corpus: The documents; each is to begin (or, for some, end) with a token that says so, for
            nothing is put between them.
        num_streams: B, the rows of a batch.
        num_steps: W, the steps of a window.
        seed: What the orders depend on, with the epoch.
        reverse: Read the text from its end: for a network that predicts the token before.

    Raises:
        ValueError: A count below 1, or fewer tokens than the streams need.
    """

    def __init__(
        self,
        corpus: Ragged,
        *,
        num_streams: int,
        num_steps: int,
        seed: int,
        reverse: bool = False,
    ) -> None:
        for name, count in (("num_streams", num_streams), ("num_steps", num_steps)):
            if count < 1:
                raise ValueError(f"Streams: expected {name} of at least 1, got {count}")
        self.corpus = corpus
        self.num_tokens = int(corpus.offsets[-1] - corpus.offsets[0])
        if self.num_tokens <= num_streams:
            raise ValueError(
                f"Streams: expected more tokens than streams (num_streams = {num_streams}), got a "
                f"corpus of {self.num_tokens}; use fewer streams"
            )
        self.num_streams = num_streams
        self.num_steps = num_steps
        self.seed = seed
        self.reverse = reverse
        # Stream b has the targets from bounds[b] up to bounds[b + 1], as places in the text.
        num_targets = self.num_tokens - 1
        self._bounds = 1 + np.arange(num_streams + 1) * num_targets // num_streams
        self._longest = int(np.diff(self._bounds).max())
        self._epoch: int | None = None
        self._text = _Text(np.empty(0, np.int64), np.empty(0, np.int64))

    @property
    def num_windows(self) -> int:
        """Windows of an epoch."""
        return -(-self._longest // self.num_steps)

    def window(self, epoch: int, step: int) -> Window:
        """The window of one step of an epoch; both count from 0.

        Raises:
            IndexError: The epoch has fewer windows.
        """
        if not 0 <= step < self.num_windows:
            raise IndexError(f"Streams: expected a step below {self.num_windows}, got {step}")
        first = self._bounds[:-1] + step * self.num_steps
        lengths = np.clip(self._bounds[1:] - first, 0, self.num_steps)
        # Each stream's input is its targets, one place earlier: read once, with one place more.
        offsets = offsets_of(lengths)
        streams = np.repeat(np.arange(self.num_streams), lengths + 1)
        places = np.arange(len(streams)) - (offsets[:-1] + np.arange(self.num_streams))[streams]
        tokens = self._read(epoch, first[streams] - 1 + places)
        return Window(
            inputs=tokens[places < lengths[streams]], targets=tokens[places > 0], offsets=offsets
        )

    def _read(self, epoch: int, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The tokens at some places of an epoch's text."""
        if epoch != self._epoch:
            self._epoch, self._text = epoch, self._arrange(epoch)
        if self.reverse:
            places = self.num_tokens - 1 - places
        documents = np.searchsorted(self._text.ends, places, side="right")
        return np.asarray(self.corpus.values[places + self._text.shifts[documents]], np.int64)

    def _arrange(self, epoch: int) -> _Text:
        purpose = "order of documents, reversed" if self.reverse else "order of documents"
        order = permutation(len(self.corpus), self.seed, purpose, epoch)
        offsets = offsets_of(self.corpus.lengths()[order])
        return _Text(ends=offsets[1:], shifts=self.corpus.offsets[order] - offsets[:-1])
