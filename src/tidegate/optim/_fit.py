"""Whether gradient and moments fit their parameter, looked at before each use of their memory."""

from typing import Any

import torch
from torch import Tensor

from tidegate.optim._tensors import check, check_like, check_writable
from tidegate.tensors import check_memory

MOMENTS = ("exp_avg", "exp_avg_sq")

_NONE = torch.empty(0, device="cpu")


class Fit:
    """A parameter and its state, whose addresses the engine gets once they fit together.

    All of it may change between steps: ``model.double()``, an embedding that grows, the state of
    another model. A full look is taken only where a quick one sees a change.

    Args:
        where: For messages.
        param: The parameter.
        state: Its entry in the optimiser's state, with tensors named ``MOMENTS``.
    """

    def __init__(self, where: str, param: Tensor, state: dict[str, Any]) -> None:
        self._where, self.param, self.state = where, param, state
        self._check_state()
        self._m = self._v = _NONE

    def dense_step(self, gradient: Tensor) -> tuple[tuple[int, ...], Tensor, Tensor]:
        """What the engine is told of a dense step.

        Args:
            gradient: On the CPU and strided, as far as its dtype and shape are the parameter's.

        Returns:
            The addresses of parameter, gradient and moments, and their elements; the tensors that
            the first two are of. They are copies where the originals are not contiguous.

        Raises:
            RuntimeError: A gradient or a moment of another shape, dtype or device, or without its
                memory.
            ValueError: A parameter the engine does not compute in.
        """
        values = self.param
        if not values.is_contiguous():
            check_memory(self._where, "parameters", values)
            check_writable(self._where, values)
            values = values.detach().contiguous()
        p, m, v = self.addresses(values)
        # Most gradients have a storage of their own. A flag such as is_neg() marks views alone.
        if (
            gradient.dtype is self._dtype
            and gradient.shape == self._shape
            and gradient.is_cpu
            and gradient.is_contiguous()
            and gradient.untyped_storage().nbytes() == self._size
            and not gradient.storage_offset()
        ):
            g = gradient.data_ptr()
            if g:
                return (p, g, m, v, self._count), values, gradient
        check_like(self._where, "a gradient", gradient, values)
        check_memory(self._where, "a gradient", gradient)
        gradient = gradient.resolve_neg().contiguous()
        return (p, gradient.data_ptr(), m, v, self._count), values, gradient

    def addresses(self, values: Tensor) -> tuple[int, int, int]:
        """Where ``values`` and the moments begin: the same tuple as long as nothing changes.

        Args:
            values: The parameter or a copy of it, contiguous.

        Raises:
            As :meth:`dense_step`.
        """
        state, shape = self.state, values.shape
        m, v = self._m, self._v
        if (
            m is state.get("exp_avg")
            and v is state.get("exp_avg_sq")
            and values.dtype is self._dtype
            and shape == self._shape
            and m.shape == shape
            and v.shape == shape
            and (values.data_ptr(), m.data_ptr(), v.data_ptr()) == self._places
            and values.untyped_storage().nbytes() >= self._size
            and m.untyped_storage().nbytes() >= self._size
            and v.untyped_storage().nbytes() >= self._size
        ):
            return self._places
        return self._look(values)

    def _look(self, values: Tensor) -> tuple[int, int, int]:
        check(self._where, "parameters", values)
        check_memory(self._where, "parameters", values)
        self._check_state()
        for name in MOMENTS:
            moment = self.state[name]
            check_like(self._where, name, moment, values)
            check_memory(self._where, name, moment)
            self.state[name] = moment.contiguous()
        m, v = self._m, self._v = self.state["exp_avg"], self.state["exp_avg_sq"]
        self._dtype, self._shape, self._size = values.dtype, values.shape, values.nbytes
        self._count = values.numel()
        self._places = values.data_ptr(), m.data_ptr(), v.data_ptr()
        return self._places

    def _check_state(self) -> None:
        has_moments = all(isinstance(self.state.get(name), Tensor) for name in MOMENTS)
        if "step" not in self.state or not has_moments:
            raise RuntimeError(
                f"{self._where}: expected step, {' and '.join(MOMENTS)} in the state of each "
                f"parameter, got {', '.join(map(str, self.state))}"
            )
