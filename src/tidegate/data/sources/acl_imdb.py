"""The official IMDB archive, packed (``aclImdb_v1.tar.gz``) or unpacked.

Its form: ``{train,test}/{neg,pos}/*.txt``, one review a file, in UTF-8, and ``train/unsup/*.txt``
without labels. The archive is read where it lies; nothing is unpacked.
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tidegate.data.dataset import by_hash, merge
from tidegate.data.sources.in_memory import TextsInMemory
from tidegate.errors import DataError

PARTS = ("train", "test")
CLASSES = ("neg", "pos")
LABELLED = tuple((part, name) for part in PARTS for name in CLASSES)
UNLABELLED = (("train", "unsup"),)

Wanted = tuple[tuple[str, str], ...]
"""The folders to read, each as (part, class)."""

# The texts of each (part, class), as bytes under the name they came from.
Files = dict[tuple[str, str], list[tuple[str, bytes]]]


def load(path: Path) -> TextsInMemory:
    """Read the official archive or its unpacked folder.

    The order of the reviews is that of their texts' hashes: fixed, and mixed over the classes.

    Raises:
        DataError: The path is missing, is no archive, has members that leave it, lacks a part or
            a class, or holds a file that is not UTF-8.
    """
    files = _read(path, LABELLED)
    splits = {}
    for part in PARTS:
        classes = [_decode(path, files, part, name) for name in CLASSES]
        splits[part] = merge([by_hash(texts, label) for label, texts in enumerate(classes)])
    return TextsInMemory(
        origin=f"the official archive at {path}, with its own test split",
        train=splits["train"],
        test=splits["test"],
        classes=CLASSES,
    )


def unlabelled(path: Path) -> list[str]:
    """The reviews of ``train/unsup``, of the official archive or its folder, by their file names.

    Raises:
        DataError: As :func:`load`.
    """
    files = _read(path, UNLABELLED)
    (part, name) = UNLABELLED[0]
    return _decode(path, files, part, name)


def _read(path: Path, wanted: Wanted) -> Files:
    if path.is_dir():
        return _from_folder(path, wanted)
    if path.exists():
        return _from_archive(path, wanted)
    raise DataError(f"{path}: expected IMDB's archive or its unpacked folder, got nothing there")


def _decode(path: Path, files: Files, part: str, class_name: str) -> list[str]:
    found = files.get((part, class_name), [])
    if not found:
        raise DataError(
            f"{path}: expected reviews in {part}/{class_name}/*.txt, got none; the official "
            f"archive holds {', '.join(f'{p}/{c}' for p, c in LABELLED + UNLABELLED)}"
        )
    texts = []
    for name, content in sorted(found):
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
        (part, name): [(str(f), f.read_bytes()) for f in (root / part / name).glob("*.txt")]
        for part, name in wanted
    }


def _from_archive(path: Path, wanted: Wanted) -> Files:
    files: Files = {}
    try:
        with tarfile.open(path) as archive:
            for name, part, class_name, content in _reviews(path, archive, wanted):
                files.setdefault((part, class_name), []).append((name, content))
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(
            f"{path}: expected the archive aclImdb_v1.tar.gz, whole, got a file that cannot be "
            f"read as one: {error}"
        ) from error
    return files


def _reviews(
    path: Path, archive: tarfile.TarFile, wanted: Wanted
) -> Iterator[tuple[str, str, str, bytes]]:
    for member in archive:
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts:
            raise DataError(
                f"{path}: expected members that stay inside the archive, got {member.name!r}; "
                "this is not the official archive"
            )
        part, class_name = name.parts[-3:-1] if len(name.parts) >= 3 else ("", "")
        if (part, class_name) not in wanted or name.suffix != ".txt":
            continue
        file = archive.extractfile(member)
        if file is not None:
            yield f"{path}:{member.name}", part, class_name, file.read()
