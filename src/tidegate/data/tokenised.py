"""The words of a data set, split once for everything that reads them."""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
import pyarrow as pa

from tidegate.data.dataset import TextDataset
from tidegate.data.ragged import Ragged
from tidegate.data.tokenise import split
from tidegate.data.tokeniser import Tokeniser
from tidegate.data.words import Words


@dataclass(frozen=True)
class TokenisedTexts:
    """The words of a data set's training and test texts, and of texts without labels."""

    train: Words
    test: Words
    unlabelled: tuple[Words, ...] = ()
    """In parts."""
    unlabelled_sha256: str | None = None
    """Over the texts themselves; None where there are none."""

    @classmethod
    def of(
        cls,
        dataset: TextDataset,
        tokeniser: Tokeniser,
        *,
        limit: int | None = None,
        unlabelled: Iterable[Sequence[str]] = (),
    ) -> "TokenisedTexts":
        """Split all texts into words.

        Args:
            dataset: The texts with labels.
            tokeniser: What splits them.
            limit: Use only so many training texts, the first ones.
            unlabelled: Texts without labels, some at a time; their words stay in memory.
        """
        train = dataset.train if limit is None else dataset.train.first(limit)
        digest, others = hashlib.sha256(), []
        for chunk in unlabelled:
            for text in chunk:
                digest.update(f"{text}\0".encode())
            others.append(split(chunk, tokeniser))
        return cls(
            split(train.texts, tokeniser),
            split(dataset.test.texts, tokeniser),
            tuple(others),
            digest.hexdigest() if others else None,
        )


class WordSpool:
    """Words in a temporary file, to be read several times: for texts larger than memory.

    The file is there within the ``with`` block.

    Args:
        chunks: The words of some texts at a time, read once.
        folder: Where the file is made; it has no name there, and goes with the process.
    """

    def __init__(self, chunks: Iterable[Words], folder: Path) -> None:
        self._chunks, self._folder = chunks, folder

    def __enter__(self) -> Self:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=self._folder)
        try:
            self._tokenisers = [self._write(words) for words in self._chunks]
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Words]:
        self._file.seek(0)
        for tokeniser in self._tokenisers:
            codes, offsets, characters = (
                np.lib.format.read_array(self._file, allow_pickle=False) for _ in range(3)
            )
            # No word has a line's end in it, and each word has one behind it.
            distinct = characters.tobytes().decode().split("\n")[:-1]
            yield Words(tokeniser, pa.array(distinct, pa.string()), Ragged(codes, offsets))

    def _write(self, words: Words) -> Tokeniser:
        lines = "".join(f"{word}\n" for word in words.distinct.to_pylist())
        characters = np.frombuffer(lines.encode(), np.uint8)
        for array in (words.codes.values, words.codes.offsets, characters):
            np.lib.format.write_array(self._file, array, allow_pickle=False)
        return words.tokeniser
