"""Named NumPy arrays as the bytes of an ``.npz`` file, and back, also from files of strangers.

The file is what :func:`numpy.savez` writes and :func:`numpy.load` reads: an uncompressed zip
archive with an ``.npy`` file an array. Nothing in it is code, and it takes no more memory than it
is long.
"""

import io
import zipfile
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tidegate.errors import FormatError

DTYPES = ("int64", "float64")
MOST_ARRAYS = 10_000


def to_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The file's content; equal arrays give equal bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            npy.write_array(content, np.ascontiguousarray(array), (1, 0), allow_pickle=False)
            # With ZipInfo's fixed default date: the current one would change the bytes.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
    return file.getvalue()


def from_bytes(content: bytes, where: object) -> dict[str, NDArray[Any]]:
    """The arrays; ``where`` begins the message of an error.

    Raises:
        FormatError: The bytes are no such file, are compressed, or hold anything but arrays of
            :data:`DTYPES` of the sizes that they say.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MOST_ARRAYS or sum(m.file_size for m in members) > len(content):
                raise ValueError("more or larger arrays than fit in it")
            return {m.filename.removesuffix(".npy"): _array(archive, m) for m in members}
    except (ValueError, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise FormatError(f"{where}: expected arrays in an .npz file, got {error}") from error
    except zipfile.BadZipFile as error:
        raise FormatError(f"{where}: expected an .npz file, got another: {error}") from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """One array.

    Raises:
        ValueError: It is none that :func:`to_bytes` writes; the message goes on "got".
    """
    name = member.filename
    if member.compress_type != zipfile.ZIP_STORED or not name.endswith(".npy"):
        raise ValueError(f"{name!r}, which is compressed or no .npy file")
    file = io.BytesIO(archive.read(member))
    if npy.read_magic(file) != (1, 0):
        raise ValueError(f"{name!r} in another version of .npy than 1.0")
    shape, _, dtype = npy.read_array_header_1_0(file)
    if dtype.name not in DTYPES or not dtype.isnative:
        raise ValueError(f"{name!r} of {dtype}, where only {' and '.join(DTYPES)} are read")
    rest = len(file.getbuffer()) - file.tell()
    if min(shape, default=0) < 0 or prod(shape) * dtype.itemsize != rest:
        raise ValueError(f"{name!r} of shape {shape} in {rest:,} bytes")
    file.seek(0)
    array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array
