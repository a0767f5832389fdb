"""Deferred Adam updates of embedding rows, and the steps that they still have to make."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tidegate import engine
from tidegate.optim._fit import Fit
from tidegate.optim._tensors import DTYPES

Numbers = NDArray[np.float64]
"""The coefficients of one step, (7,), in the order of ``AdamNumbers`` (cpp/engine/adam.hpp)."""
SCALE, EPS = 2, 6
"""The indices of 1 / sqrt(1 - beta2^t) and of epsilon in the coefficients."""

MAX_STEPS = 1024
"""The most deferred steps that are remembered; after so many, all rows catch up."""


class Table:
    """The rows' last steps, and the numbers of the steps since all rows were up to date.

    Args:
        fit: The table and its moments, (V, ...), contiguous; changed in place.
        step: The step that all rows have made.
        is_lazy: Whether a row skips the steps in which it does not occur, and never makes them.
        may_repeat: Whether a row may have several gradients in a step: m then follows their sum
            and v the sum of their squares.
    """

    def __init__(
        self,
        fit: Fit,
        step: int,
        *,
        is_lazy: bool,
        may_repeat: bool,
    ) -> None:
        self.fit, self.step, self.is_lazy, self.may_repeat = fit, step, is_lazy, may_repeat
        self._row_step = np.full(fit.param.size(0), step, np.int64)
        self._numbers = np.empty((MAX_STEPS, 7))
        self._count = 0
        self._addresses: tuple[int, ...] = ()

    def is_caught_up(self) -> bool:
        """Whether no row has missed a step."""
        return self.is_lazy or self._count == 0 or bool((self._row_step == self.step).all())

    def catch_up(self, ids: Tensor | None = None) -> None:
        """Make the steps that rows missed, with gradients of 0; all rows without ids.

        Raises:
            IndexError: An id outside the table.
        """
        if self._count == 0:
            return
        address, num = (0, 0) if ids is None else (ids.data_ptr(), ids.numel())
        if ids is not None and num == 0:
            return
        if self.is_lazy:
            if ids is not None and (int(ids.min()) < 0 or int(ids.max()) >= len(self._row_step)):
                raise IndexError(
                    f"Adam: expected ids from 0 to V - 1 = {len(self._row_step) - 1}, got "
                    f"{int(ids.min())} to {int(ids.max())}"
                )
            self._row_step[slice(None) if ids is None else ids.numpy()] = self.step
        else:
            self._engine_table().catch_up(address, num, self._numbers[: self._count], self.step)
        if ids is None:
            self._count = 0

    def check_rows(self, ids: Tensor) -> None:
        """Refuse a step of rows that have not made the last one, or repeat and may not.

        Raises:
            ValueError, IndexError: Which row, and where it is.
        """
        table = self._engine_table()
        table.check_rows(ids.data_ptr(), ids.numel(), self.step, self.may_repeat)

    def make_step(self, ids: Tensor, rows: Tensor, numbers: Numbers) -> None:
        """A step whose gradient is these rows, and 0 elsewhere; ``check_rows`` comes before."""
        if self._count == MAX_STEPS:
            self.catch_up()
        self._numbers[self._count] = numbers
        self._count += 1
        self.step += 1
        self._engine_table().step_rows(
            ids.data_ptr(),
            ids.numel(),
            rows.data_ptr(),
            numbers[None],
            self.step,
            self.may_repeat,
        )

    def skip_step(self) -> None:
        """Count a step that was made of all rows at once, when none was behind."""
        self._count = 0
        self.step += 1
        self._row_step.fill(self.step)

    def has_other_rows(self) -> bool:
        """Whether the parameter has grown or shrunk."""
        return self.fit.param.size(0) != len(self._row_step)

    def _engine_table(self) -> engine.AdamTable:
        """The engine's table, made anew where a tensor has moved (``share_memory_``, ``.data =``).

        Raises:
            RuntimeError: The parameter, or a moment, is not what the rows' steps belong to.
        """
        param = self.fit.param
        if not param.is_contiguous():
            raise RuntimeError(
                f"Adam: expected a contiguous table, got strides {param.stride()} for shape "
                f"{tuple(param.shape)}"
            )
        addresses = self.fit.addresses()
        if addresses is not self._addresses:
            if self.has_other_rows():
                raise RuntimeError(
                    f"Adam: expected a table of {len(self._row_step)} rows, as when rows fell "
                    f"behind, got {param.size(0)}; call catch_up() before a table changes"
                )
            self._made = engine.AdamTable(
                dtype=DTYPES[param.dtype],
                num_rows=param.size(0),
                width=param[0].numel() if len(param) else 0,
                param=addresses[0],
                m=addresses[1],
                v=addresses[2],
                row_step=self._row_step.ctypes.data,
            )
            self._addresses = addresses
        return self._made
