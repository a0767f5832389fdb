"""A check that a PyTorch tensor has the memory that its shape and strides need.

PyTorch itself is not imported here: a caller that has a tensor has imported it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def check_memory(where: str, name: str, tensor: "Tensor") -> None:
    """Refuse a dense tensor some of whose elements lie outside its storage.

    Raises:
        RuntimeError: The storage was freed or cut (``untyped_storage().resize_``).
    """
    end = tensor.storage_offset() + 1
    for n, step in zip(tensor.shape, tensor.stride(), strict=True):
        end += (n - 1) * step
    needed = end * tensor.itemsize
    # len() is cheaper than nbytes().
    present = len(tensor.untyped_storage()) if tensor.data_ptr() else 0
    if present < needed and tensor.numel():
        raise RuntimeError(
            f"{where}: expected {name} with {needed} bytes of memory, got {present}, for shape "
            f"{tuple(tensor.shape)}; its storage was freed or cut; fill it again before the call"
        )
