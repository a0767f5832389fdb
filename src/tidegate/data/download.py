"""Downloads that resume where they broke off, and count only once their checksum is right.

pooch checks the sum and puts the file in place; it has no way to resume, so the transfer below
keeps what came so far in ``NAME.part`` and asks the server for the rest.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pooch
import requests

from tidegate.errors import DownloadError

CHUNK_BYTES = 1 << 16
TIMEOUT_S = 30

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes in all, None where the server does not say."""


def download(url: str, md5: str, target: Path, on_progress: Progress | None = None) -> bool:
    """Download a file to ``target``, unless it is there with the right checksum.

    Args:
        url: Where it is.
        md5: Its MD5 sum, in hexadecimal.
        target: The file to write; it never exists half or with another sum.
        on_progress: Told of the bytes as they come.

    Returns:
        Whether anything was downloaded.

    Raises:
        DownloadError: The server cannot be reached, the transfer broke off (what came is kept and
            used by the next call), or the sum is wrong (nothing is kept).
    """
    known_hash = f"md5:{md5}"
    if target.exists() and pooch.hashes.hash_matches(str(target), known_hash):
        return False
    part = target.with_name(target.name + ".part")
    transfer = _Transfer(part, on_progress or (lambda here, total: None))
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # the caller shows the progress
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(url, known_hash, target.name, target.parent, downloader=transfer)
    except (requests.RequestException, DownloadError) as error:
        kept = part.stat().st_size if part.exists() else 0
        advice = f"; {kept:,} bytes are kept, and the same command goes on from there"
        raise DownloadError(
            f"{url}: the download did not finish: {_reason(error)}{advice if kept else ''}"
        ) from error
    except ValueError as error:
        raise DownloadError(
            f"{url}: expected a file with MD5 {md5}, got another; nothing was kept. Try again "
            "later, or get the file elsewhere and pass it with --data"
        ) from error
    except OSError as error:
        raise DownloadError(f"{target}: cannot be written: {error}") from error
    finally:
        logger.setLevel(level)
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"the server was silent for {TIMEOUT_S} s"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached; is there a network?"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    return str(error)


class _Transfer:
    """A pooch downloader that goes on from ``part``."""

    def __init__(self, part: Path, on_progress: Progress) -> None:
        self.part = part
        self.on_progress = on_progress

    def __call__(self, url: str, output_file: str, _pooch: Any, **_options: Any) -> None:
        here = self.part.stat().st_size if self.part.exists() else 0
        # The bytes as they are stored: an encoded answer could not be resumed by its length.
        headers = {"Accept-Encoding": "identity"}
        if here:
            headers["Range"] = f"bytes={here}-"
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                pass  # nothing is missing: the checksum tells whether it is the right file
            else:
                answer.raise_for_status()
                self._append(answer, here)
        self.part.replace(output_file)

    def _append(self, answer: requests.Response, here: int) -> None:
        if answer.status_code != requests.codes.partial_content:
            here = 0  # this server sends the whole file only
        length = answer.headers.get("Content-Length")
        total = here + int(length) if length is not None else None
        with self.part.open("ab" if here else "wb") as file:
            self.on_progress(here, total)
            for chunk in answer.iter_content(CHUNK_BYTES):
                file.write(chunk)
                here += len(chunk)
                self.on_progress(here, total)
        if total is not None and here != total:
            raise DownloadError(f"expected {total:,} bytes, got {here:,}")
