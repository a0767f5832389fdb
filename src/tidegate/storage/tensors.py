"""Named NumPy arrays as the bytes of a safetensors file, and back."""

from collections.abc import Mapping, Sequence
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


def check_values(
    named: Mapping[str, NDArray[Any]], where: object, *, allow_nonfinite: bool = False
) -> None:
    """Refuse parameters that are not float32, or not finite.

    Args:
        named: The parameters of a model.
        where: Begins the message of an error.
        allow_nonfinite: Let NaN and infinite values pass.

    Raises:
        FormatError: The first that is not as it should be.
    """
    for name, tensor in named.items():
        if tensor.dtype != np.float32:
            raise FormatError(f"{where}: expected {name} of float32, got {tensor.dtype.name}")
        if not allow_nonfinite and not np.isfinite(tensor).all():
            count = tensor.size - np.count_nonzero(np.isfinite(tensor))
            raise FormatError(
                f"{where}: expected finite values of {name}, got {count:,} of {tensor.size:,} that "
                "are NaN or infinite; take a model whose training did not diverge"
            )


def check_shapes(
    named: Mapping[str, NDArray[Any]], shapes: Mapping[str, Sequence[int]], where: object
) -> None:
    """Refuse tensors other than those of these names and shapes.

    Raises:
        FormatError: What is missing, too many, or of another shape.
    """
    missing, extra = sorted(shapes.keys() - named.keys()), sorted(named.keys() - shapes.keys())
    if missing or extra:
        got = [f"no {name}" for name in missing] + [f"{name} as well" for name in extra]
        raise FormatError(
            f"{where}: expected the {len(shapes)} tensors of the architecture, got "
            f"{', '.join(got[:3])}{' ...' * (len(got) > 3)}"
        )
    for name, shape in shapes.items():
        if named[name].shape != tuple(shape):
            raise FormatError(
                f"{where}: expected {name} of shape {tuple(shape)}, got {named[name].shape}"
            )
