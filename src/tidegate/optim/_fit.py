"""Checks that a gradient and moments fit their parameter, before each use of their memory."""

from typing import Any

import torch
from torch import Tensor

from tidegate.optim._tensors import check, check_like, check_writable
from tidegate.tensors import check_memory

MOMENTS = ("exp_avg", "exp_avg_sq")

_NONE = torch.empty(0, device="cpu")


class Fit:
    """A parameter and its state, whose addresses the engine gets once they fit together.

    All of these may change between steps: ``model.double()``, an embedding that grows, the state of
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
        self._hold_none()

    def dense_step(self, gradient: Tensor) -> tuple[tuple[int, ...], Tensor, Tensor]:
        """Check a dense gradient; gives the arguments of a step for the engine.

        Args:
            gradient: On the CPU and strided, as far as its dtype and shape are the parameter's.

        Returns:
            The addresses of parameter, gradient and moments, and the number of elements; and the
            tensors of the first two, which are copies where the originals are not contiguous.

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
            p, m, v = self._look(values)
        else:
            p, m, v = self.addresses()
        # Most gradients have a storage of their own. A flag such as is_neg() marks views alone.
        # len() of a storage is its bytes, for half the cost of nbytes().
        if (
            gradient.dtype is self._dtype
            and gradient.shape == self._shape
            and gradient.is_cpu
            and gradient.is_contiguous()
            and len(gradient.untyped_storage()) == self._size
            and not gradient.storage_offset()
        ):
            g = gradient.data_ptr()
            if g:
                return (p, g, m, v, self._count), values, gradient
        check_like(self._where, "a gradient", gradient, values)
        check_memory(self._where, "a gradient", gradient)
        gradient = gradient.resolve_neg().contiguous()
        return (p, gradient.data_ptr(), m, v, self._count), values, gradient

    def addresses(self) -> tuple[int, int, int]:
        """Where a contiguous parameter and its moments begin: one tuple until something changes.

        Raises:
            As :meth:`dense_step`.
        """
        values, state, m, v = self.param, self.state, self._m, self._v
        shape = values.shape
        p_storage, m_storage, v_storage = self._storages
        if (
            m is state.get("exp_avg")
            and v is state.get("exp_avg_sq")
            and values.dtype is self._dtype
            and shape == self._shape
            and m.shape == shape
            and v.shape == shape
            and (values.data_ptr(), m.data_ptr(), v.data_ptr()) == self._places
            # While these are held, no other storage begins at their addresses; they may be cut.
            and (len(p_storage), len(m_storage), len(v_storage)) == self._rooms
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
        self._hold_none()
        if values is self.param:  # a copy would live until the next step
            self._storages = (values.untyped_storage(), m.untyped_storage(), v.untyped_storage())
            self._rooms = len(self._storages[0]), len(self._storages[1]), len(self._storages[2])
        return self._places

    def _hold_none(self) -> None:
        none = _NONE.untyped_storage()
        self._storages = none, none, none
        self._rooms = -1, -1, -1

    def _check_state(self) -> None:
        has_moments = all(isinstance(self.state.get(name), Tensor) for name in MOMENTS)
        if "step" not in self.state or not has_moments:
            raise RuntimeError(
                f"{self._where}: expected step, {' and '.join(MOMENTS)} in the state of each "
                f"parameter, got {', '.join(map(str, self.state))}"
            )
