"""Batches for language models: a corpus as parallel streams of text, cut into windows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.data.ragged import Ragged, offsets_of
from tidegate.seeding import permutation


@dataclass(frozen=True)
class Window:
    """A batch: some steps of every stream, with the next tokens as targets."""

    inputs: NDArray[np.int64]
    """The input tokens, shape (P,), where P is the sum of the streams' steps."""
    targets: NDArray[np.int64]
    """The token after each of them in its stream, shape (P,)."""
    offsets: NDArray[np.int64]
    """Where each stream begins, and the end of the last; shape (number of streams + 1,)."""


@dataclass(frozen=True)
class _Text:
    """An epoch's text: the documents in random order, as indices into the corpus' flat array."""

    ends: NDArray[np.int64]
    """Where each document ends in the text, exclusive, ascending."""
    shifts: NDArray[np.int64]
    """Index in the corpus minus position in the text, for each document."""


class Streams:
    """A corpus as parallel streams, for truncated backpropagation through time.

    In every epoch the documents are joined to one text, in a new random order. The text is cut into
    streams of equal length (or one token less), which form the rows of a batch, a window of steps
    at a time. Window k + 1 continues where window k ended, so that a network can keep its state.
    Every token except the text's first is a target once an epoch; the last window may be shorter.

    A window depends on (seed, epoch, step) alone. Of a memory-mapped corpus only the tokens of the
    window are read; the order of the documents takes 16 bytes for each in memory.

    Args:
        corpus: The documents. Each should begin or end with a token that marks the boundary,
            because nothing is put between them.
        num_streams: Number of streams: the batch size.
        num_steps: Steps of a window.
        seed: Seed of the random orders.
        reverse: Read the text from its end, for a network that predicts the previous token.

    Raises:
        ValueError: A count is below 1, or the corpus has too few tokens for the streams.
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
        # The targets of stream b are the text's positions from bounds[b] to before bounds[b + 1].
        num_targets = self.num_tokens - 1
        self._bounds = 1 + np.arange(num_streams + 1) * num_targets // num_streams
        self._longest = int(np.diff(self._bounds).max())
        self._epoch: int | None = None
        self._text = _Text(np.empty(0, np.int64), np.empty(0, np.int64))

    @property
    def num_windows(self) -> int:
        """Number of windows in an epoch."""
        return -(-self._longest // self.num_steps)

    def window(self, epoch: int, step: int) -> Window:
        """The window of a step in an epoch, both counted from 0.

        Raises:
            IndexError: The epoch has fewer windows than that.
        """
        if not 0 <= step < self.num_windows:
            raise IndexError(f"Streams: expected a step below {self.num_windows}, got {step}")
        first = self._bounds[:-1] + step * self.num_steps
        lengths = np.clip(self._bounds[1:] - first, 0, self.num_steps)
        # A stream's inputs are its targets, shifted by one; both are read at once, with one more.
        offsets = offsets_of(lengths)
        streams = np.repeat(np.arange(self.num_streams), lengths + 1)
        places = np.arange(len(streams)) - (offsets[:-1] + np.arange(self.num_streams))[streams]
        tokens = self._read(epoch, first[streams] - 1 + places)
        return Window(
            inputs=tokens[places < lengths[streams]], targets=tokens[places > 0], offsets=offsets
        )

    def _read(self, epoch: int, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The tokens at some positions of an epoch's text."""
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
