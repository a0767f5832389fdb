"""Folders of trained models: sealed files, and a card (``README.md``) that people may edit.

The card is no part of the seal, so the manifest has no sum of it.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tidegate.errors import FormatError
from tidegate.storage import regular
from tidegate.storage.atomic import new_folder
from tidegate.storage.sealed_folder import MANIFEST, Layout

CARD = "README.md"
MOST_CARD_BYTES = 1 << 20


def write(
    path: Path,
    layout: Layout,
    contents: Mapping[str, bytes],
    named: Mapping[str, NDArray[Any]],
    card: str,
) -> None:
    """Write a folder, whole or not at all.

    Args:
        path: The folder to make.
        layout: Names of the sealed files.
        contents: The sealed files.
        named: The tensors among them.
        card: Markdown for a person to read.

    Raises:
        FileExistsError: Something is at ``path`` already.
    """
    sealed = layout.seal(contents, named)
    with new_folder(path) as write_file:
        for name, content in {CARD: card.encode(), **sealed}.items():
            write_file(name, content)


def check_complete(path: Path, layout: Layout, what: str, others: Mapping[str, str]) -> None:
    """Refuse a folder that lacks a file.

    Args:
        path: The folder.
        layout: Names of the sealed files.
        what: The kind of folder, for the message.
        others: Messages for folders of another kind, by a file that only these have.

    Raises:
        FormatError: A file is missing.
    """
    names = (*layout.most_bytes, MANIFEST, CARD)
    missing = [name for name in names if not os.path.lexists(path / name)]
    if not missing:
        return
    for name, message in others.items():
        if os.path.lexists(path / name):
            raise FormatError(f"{path}: {message}")
    raise FormatError(
        f"{path}: expected {what} with {', '.join(names)}, got one without "
        f"{', '.join(missing)}; copy it whole, or train the model again"
    )


def read(path: Path, layout: Layout) -> tuple[dict[str, bytes], dict[str, NDArray[Any]], str]:
    """The sealed files, the tensors and the card of a folder that is whole.

    Raises:
        FormatError: It is damaged or of another format; :func:`prefix_errors` completes the message
            with the folder's path.
    """
    contents, named = layout.read(path)
    try:
        card = regular.read(path / CARD, MOST_CARD_BYTES)
    except OSError as error:
        raise FormatError(f"{CARD}: expected to read it, got: {error.strerror}") from error
    return contents, named, card.decode("utf-8", errors="replace")


@contextmanager
def prefix_errors(path: Path) -> Iterator[None]:
    """Begin the message of every :class:`FormatError` in the block with the folder's path."""
    try:
        yield
    except FormatError as error:
        raise FormatError(f"{path}/{error}") from error
