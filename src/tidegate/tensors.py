"""Whether a tensor of PyTorch has the memory that its shape and strides tell of.

PyTorch itself is not imported: whoever has a tensor has done so.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def check_memory(where: str, name: str, tensor: "Tensor") -> None:
    """Refuse a dense tensor some of whose elements lie outside its storage.

    Raises:
        RuntimeError: The storage was freed or cut (``untyped_storage().resize_``).
    """
    if tensor.numel() == 0:
        return
    last = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True))
    needed = (tensor.storage_offset() + last + 1) * tensor.element_size()
    found = tensor.untyped_storage().nbytes() if tensor.data_ptr() else 0
    if found < needed:
        raise RuntimeError(
            f"{where}: expected {name} with {needed} bytes of memory, got {found}, for shape "
            f"{tuple(tensor.shape)}; its storage was freed or cut; fill it again before the call"
        )
