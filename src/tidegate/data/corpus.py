"""A tokenised corpus on disk, for texts that do not fit into memory.

A corpus is a folder of NumPy arrays, laid out as in :class:`Ragged`: ``values.npy`` (int32),
``offsets.npy`` (int64) and, where there are labels, ``labels.npy`` (int64). ``vocabulary.json`` is
the vocabulary of their ids, ``corpus.json`` has the counts and the SHA-256 of every array's bytes.
A corpus is written chunk by chunk and read through memory maps.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.dataset import Split
from tidegate.data.ragged import Ragged
from tidegate.data.tokenise import split
from tidegate.data.vocabulary import Vocabulary
from tidegate.data.words import Words
from tidegate.errors import DataError, FormatError
from tidegate.storage import json_file, regular

FORMAT = "tidegate.corpus/1"
CORPUS, VOCABULARY = "corpus.json", "vocabulary.json"
MOST_JSON_BYTES = 1 << 28
DTYPES: dict[str, np.dtype[Any]] = {
    "values": np.dtype("<i4"),
    "offsets": np.dtype("<i8"),
    "labels": np.dtype("<i8"),
}

VERIFIED_AT_ONCE = 1 << 20
"""Numbers that are read at once to verify an array."""


@dataclass(frozen=True)
class Corpus:
    """An open corpus: its arrays are memory maps, of which only the parts in use are read."""

    path: Path
    sequences: Ragged
    labels: NDArray[np.int64] | None
    """A class index for each text, shape (number of texts,); None without labels."""
    vocabulary: Vocabulary
    facts: dict[str, Any]
    """The content of ``corpus.json``, without its format."""

    def fingerprint(self) -> str:
        """SHA-256 over the recorded sums of the arrays and the vocabulary; no array is read."""
        sums = [self.facts["vocabulary_sha256"], *sorted(self.facts["sha256"].items())]
        return hashlib.sha256(json.dumps(sums).encode()).hexdigest()

    def verify(self) -> None:
        """Check all arrays: their SHA-256 sums, the range of the ids, the order of the offsets.

        Raises:
            FormatError: An array was altered, or is not one that :func:`write_corpus` writes.
        """
        arrays: dict[str, NDArray[Any]] = {
            "values": self.sequences.values,
            "offsets": self.sequences.offsets,
        }
        if self.labels is not None:
            arrays["labels"] = self.labels
        for name, array in arrays.items():
            digest = hashlib.sha256()
            for start in range(0, len(array), VERIFIED_AT_ONCE):
                digest.update(array[start : start + VERIFIED_AT_ONCE].data)
            if digest.hexdigest() != self.facts["sha256"][name]:
                raise FormatError(
                    f"{self.path / name}.npy: expected the array that was written, got another "
                    f"(SHA-256 {digest.hexdigest()}); write the corpus again"
                )
        self._check_numbers()

    def _check_numbers(self) -> None:
        offsets, values = self.sequences.offsets, self.sequences.values
        num_ids = len(self.vocabulary)
        for start in range(0, len(values), VERIFIED_AT_ONCE):
            part = values[start : start + VERIFIED_AT_ONCE]
            if part.min() < 0 or part.max() >= num_ids:
                raise FormatError(
                    f"{self.path}/values.npy: expected ids from 0 to {num_ids - 1}, got "
                    f"{part.min()} to {part.max()}; write the corpus again"
                )
        for start in range(0, len(offsets), VERIFIED_AT_ONCE):
            if (np.diff(offsets[start : start + VERIFIED_AT_ONCE + 1]) < 0).any():
                raise FormatError(
                    f"{self.path}/offsets.npy: expected each place at or after the one before, got "
                    "another order; write the corpus again"
                )


def write_corpus(
    path: Path,
    chunks: Iterable[Sequence[str] | Split | Words],
    vocabulary: Vocabulary,
    *,
    end: bool = False,
) -> Corpus:
    """Tokenise texts into a new corpus on disk, which appears only when it is complete.

    Args:
        path: The folder to make.
        chunks: The texts, some at a time, or their words; with labels where each chunk is a
            ``Split``.
        vocabulary: From the same texts or others; its tokeniser splits these.
        end: Whether the id END is added after the last token of each text.

    Returns:
        The corpus, open.

    Raises:
        DataError: Something is at ``path`` already, there are no texts, only some chunks have
            labels, or writing fails.
    """
    if path.exists():
        raise DataError(f"{path}: expected no such folder yet, got one; choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        aside.mkdir()
        try:
            _fill(aside, chunks, vocabulary, end)
            _sync(aside)
            aside.rename(path)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        _sync(path.parent)
    except OSError as error:
        raise DataError(f"{path}: the corpus cannot be written: {error}") from error
    return open_corpus(path)


def _fill(
    folder: Path, chunks: Iterable[Sequence[str] | Split | Words], vocabulary: Vocabulary, end: bool
) -> None:
    with ExitStack() as stack:
        files: dict[str, _ArrayFile] = {}
        for chunk in chunks:
            arrays = _number(chunk, vocabulary, end)
            if not files:
                for name in arrays:
                    files[name] = stack.enter_context(_ArrayFile(folder, name))
                files["offsets"].append(np.zeros(1, np.int64))
            if arrays.keys() != files.keys():
                raise DataError(
                    "write_corpus: expected labels with all texts or with none, got both"
                )
            arrays["offsets"] = arrays["offsets"][1:] + files["values"].length
            for name, file in files.items():
                file.append(arrays[name])
        if not files or files["offsets"].length == 1:
            raise DataError("write_corpus: expected at least one text, got none")
        facts = {
            "num_texts": files["offsets"].length - 1,
            "num_tokens": files["values"].length,
            "end": end,
            "vocabulary_sha256": vocabulary.fingerprint(),
            "sha256": {name: file.digest.hexdigest() for name, file in files.items()},
        }
    _write_json(folder / VOCABULARY, vocabulary.to_json())
    _write_json(folder / CORPUS, {"format": FORMAT, **facts})


def _number(
    chunk: Sequence[str] | Split | Words, vocabulary: Vocabulary, end: bool
) -> dict[str, NDArray[Any]]:
    if isinstance(chunk, Words):
        words = chunk
    else:
        words = split(chunk.texts if isinstance(chunk, Split) else chunk, vocabulary.tokeniser)
    ids = vocabulary.encode(words, end=end)
    arrays: dict[str, NDArray[Any]] = {"values": ids.values, "offsets": ids.offsets}
    if isinstance(chunk, Split):
        arrays["labels"] = chunk.labels
    return arrays


class _ArrayFile:
    """A ``.npy`` file to append to: its header, of fixed size, is rewritten at the end."""

    def __init__(self, folder: Path, name: str) -> None:
        self.length = 0
        self.digest = hashlib.sha256()
        self._dtype = DTYPES[name]
        self._file = (folder / f"{name}.npy").open("xb")
        self._write_header()

    def append(self, array: NDArray[Any]) -> None:
        content = np.ascontiguousarray(array, self._dtype).data
        self._file.write(content)
        self.digest.update(content)
        self.length += len(array)

    def __enter__(self) -> "_ArrayFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            if kind is None:
                self._file.seek(0)
                self._write_header()
                self._file.flush()
                os.fsync(self._file.fileno())

    def _write_header(self) -> None:
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self.length,),
        }
        np.lib.format.write_array_header_1_0(self._file, header)


def open_corpus(path: Path) -> Corpus:
    """Open a corpus without reading its arrays, which :meth:`Corpus.verify` does.

    Raises:
        FormatError: A file is missing, truncated, of another format, or does not fit the others.
    """
    facts = _read_json(path / CORPUS)
    json_file.check_format(facts, FORMAT, path / CORPUS)
    vocabulary = Vocabulary.from_json(_read_json(path / VOCABULARY))
    try:
        num_texts, num_tokens = int(facts["num_texts"]), int(facts["num_tokens"])
        lengths = {"values": num_tokens, "offsets": num_texts + 1, "labels": num_texts}
        arrays = {name: _map(path, name, lengths[name]) for name in facts["sha256"]}
        sequences = Ragged(arrays["values"], arrays["offsets"])
        is_same = facts["vocabulary_sha256"] == vocabulary.fingerprint()
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            f"{path / CORPUS}: expected num_texts, num_tokens, vocabulary_sha256 and the sha256 of "
            f"values and offsets, got {error!r}"
        ) from error
    if not is_same:
        raise FormatError(
            f"{path / VOCABULARY}: expected the vocabulary of the corpus, got another"
        )
    ends = [int(sequences.offsets[place]) for place in (0, -1)]
    if ends != [0, num_tokens]:
        raise FormatError(f"{path}/offsets.npy: expected 0 to {num_tokens}, got {ends}")
    return Corpus(path, sequences, arrays.get("labels"), vocabulary, facts)


def _map(path: Path, name: str, length: int) -> NDArray[Any]:
    file = path / f"{name}.npy"
    try:
        regular.check_regular(file)
        array = np.lib.format.open_memmap(file, mode="r")
    except (OSError, ValueError, SyntaxError) as error:
        raise FormatError(f"{file}: expected a whole NumPy array, got {error}") from error
    if array.dtype != DTYPES[name] or array.shape != (length,):
        raise FormatError(
            f"{file}: expected {DTYPES[name]} of shape {(length,)}, got {array.dtype} of "
            f"{array.shape}"
        )
    return np.asarray(array)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = regular.read(path, MOST_JSON_BYTES)
    except OSError as error:
        raise FormatError(
            f"{path.parent}: expected the folder of a corpus, but {path.name} cannot be read: "
            f"{error.strerror}"
        ) from error
    return json_file.parse_object(content, path)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with path.open("x", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
