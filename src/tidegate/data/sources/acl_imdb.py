"""The official IMDB archive, packed (``aclImdb_v1.tar.gz``) or unpacked.

It holds ``{train,test}/{neg,pos}/*.txt``, one review a file, in UTF-8, and ``train/unsup/*.txt``
without labels. A packed archive is read directly; nothing is unpacked to disk.
"""

import tarfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from tidegate.data.dataset import by_hash, merge
from tidegate.data.sources.in_memory import TextsInMemory
from tidegate.errors import DataError
from tidegate.storage import regular

PARTS = ("train", "test")
CLASSES = ("neg", "pos")
LABELLED = tuple((part, name) for part in PARTS for name in CLASSES)
UNLABELLED = (("train", "unsup"),)
NUM_OFFICIAL = 25_000
"""Labelled reviews of each part in the official archive."""

MOST_BYTES = 1 << 24
"""The most bytes of a review; the longest official one has 14 thousand."""

Wanted = tuple[tuple[str, str], ...]
"""The folders to read, each as (part, class)."""

Files = dict[tuple[str, str], list[tuple[str, bytes]]]
"""Name and content of the files by (part, class)."""


def load(path: Path) -> TextsInMemory:
    """Read the official archive or its unpacked folder.

    Reviews are sorted by the hash of their text: a fixed order that mixes the classes.

    Raises:
        DataError: The path is missing or no archive; a member lies outside the archive or occurs
            twice; a part or a class is missing; a review is no regular file, or not UTF-8.
    """
    files = _read(path, LABELLED)
    splits = {}
    for part in PARTS:
        classes = [_decode(path, files, part, name) for name in CLASSES]
        splits[part] = merge([by_hash(texts, label) for label, texts in enumerate(classes)])
    is_official = all(len(split) == NUM_OFFICIAL for split in splits.values())
    what = "the official archive" if is_official else "texts in the official archive's layout"
    return TextsInMemory(
        origin=f"{what} at {path}, with its own test split",
        train=splits["train"],
        test=splits["test"],
        classes=CLASSES,
    )


def unlabelled(path: Path) -> list[str]:
    """Read the reviews without labels, ``train/unsup``, sorted by file name.

    Raises:
        DataError: See :func:`load`.
    """
    files = _read(path, UNLABELLED)
    (part, name) = UNLABELLED[0]
    return _decode(path, files, part, name)


def _read(path: Path, wanted: Wanted) -> Files:
    try:
        if path.is_dir():
            return _from_folder(path, wanted)
        regular.check_regular(path, follow=True)
    except FileNotFoundError:
        raise DataError(
            f"{path}: expected IMDB's archive or its unpacked folder, got nothing there"
        ) from None
    except OSError as error:
        raise DataError(
            f"{error.filename}: expected IMDB's archive or its unpacked folder, got: "
            f"{error.strerror}"
        ) from error
    return _from_archive(path, wanted)


def _decode(path: Path, files: Files, part: str, class_name: str) -> list[str]:
    reviews = files.get((part, class_name), [])
    if not reviews:
        raise DataError(
            f"{path}: expected reviews in {part}/{class_name}/*.txt, got none; the official "
            f"archive holds {', '.join(f'{p}/{c}' for p, c in LABELLED + UNLABELLED)}"
        )
    texts = []
    for name, content in sorted(reviews):
        try:
            texts.append(content.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}: expected UTF-8 text, got byte 0x{content[error.start]:02x} at position "
                f"{error.start}"
            ) from error
    return texts


def _from_folder(path: Path, wanted: Wanted) -> Files:
    root = path / "aclImdb" if (path / "aclImdb").is_dir() else path
    for part in PARTS:
        if not (root / part).is_dir():
            raise DataError(f"{root}: expected the folders train and test, got no {part}")
    return {
        (part, name): [
            (str(file), regular.read(file, MOST_BYTES, follow=True))
            for file in (root / part / name).glob("*.txt")
        ]
        for part, name in wanted
    }


def _from_archive(path: Path, wanted: Wanted) -> Files:
    files: Files = {}
    try:
        with tarfile.open(path) as archive:
            for name, part, class_name, content in _reviews(path, archive, wanted):
                files.setdefault((part, class_name), []).append((name, content))
    except (tarfile.TarError, OSError, EOFError, zlib.error, LZMAError) as error:
        raise DataError(
            f"{path}: expected the archive aclImdb_v1.tar.gz, whole, got a file that cannot be "
            f"read as one: {error}"
        ) from error
    return files


def _reviews(
    path: Path, archive: tarfile.TarFile, wanted: Wanted
) -> Iterator[tuple[str, str, str, bytes]]:
    seen = set()
    for member in archive:
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts:
            raise _other(path, "members that stay inside the archive", repr(member.name))
        part, class_name = name.parts[-3:-1] if len(name.parts) >= 3 else ("", "")
        if (part, class_name) not in wanted or name.suffix != ".txt":
            continue
        file = archive.extractfile(member) if member.isreg() else None
        if file is None or member.size > MOST_BYTES:
            expected = f"regular files of at most {MOST_BYTES:,} bytes for reviews"
            raise _other(path, expected, f"{member.name!r}, {_described(member)}")
        key = name.parts[-3:]
        if key in seen:
            raise _other(path, "every review once", f"{'/'.join(key)!r} again")
        seen.add(key)
        yield f"{path}:{member.name}", part, class_name, file.read()


def _other(path: Path, expected: str, got: str) -> DataError:
    return DataError(f"{path}: expected {expected}, got {got}; this is not the official archive")


def _described(member: tarfile.TarInfo) -> str:
    if member.isreg():
        return f"of {member.size:,} bytes"
    if member.islnk() or member.issym():
        return f"a link to {member.linkname!r}"
    return "a folder" if member.isdir() else "a pipe or device"
