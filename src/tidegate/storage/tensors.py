"""Named NumPy arrays as the bytes of a safetensors file, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from tidegate.errors import FormatError


def to_bytes(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """The file's content; equal tensors give equal bytes.

    Raises:
        ValueError: A name or a dtype that the format does not have.
    """
    if "__metadata__" in tensors:
        raise ValueError("tensors: expected names other than '__metadata__', which the format uses")
    # safetensors 0.8 writes the memory behind an array without a look at its strides.
    dense = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
    try:
        return save(dense)
    except SafetensorError as error:
        kinds = ", ".join(sorted({str(tensor.dtype) for tensor in dense.values()}))
        raise ValueError(
            f"tensors: expected dtypes of safetensors, got {kinds}: {error}"
        ) from error


def from_bytes(content: bytes, where: object) -> dict[str, NDArray[Any]]:
    """The arrays, writable; ``where`` begins the message of an error.

    Raises:
        FormatError: The bytes are no safetensors file, or have a dtype that NumPy lacks.
    """
    try:
        return load(content)
    except SafetensorError as error:
        raise FormatError(f"{where}: expected a safetensors file, got {error}") from error
    except KeyError as error:
        raise FormatError(f"{where}: expected dtypes of NumPy, got {error}") from error
