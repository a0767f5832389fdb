"""Recurrent layers for streams: one step a call, with as little overhead as possible."""

import numpy as np

from tidegate import _engine
from tidegate.engine._arrays import (
    Array,
    Cell,
    Weights,
    address,
    check_array,
    check_weights,
    checked,
    contiguous,
)


class Stepper:
    """One step at a time, for streams: weights packed once, state in place, nothing allocated.

    Steps give the same bits as :func:`forward` over the whole sequence. One thread at a time.

    Args:
        cell: One of ``CELLS``.
        weights: Copied.
        batch_size: Rows, N.
    Raises:
        ValueError: Shapes or dtypes that do not fit.
        MemoryError: How much was asked for.
    """

    h: Array
    """(N, H): the state, zeros at first; write into it to set it"""
    c: Array | None
    """(N, H), the LSTM's alone"""

    def __init__(self, cell: Cell, weights: Weights, batch_size: int = 1) -> None:
        dtype, input_size, hidden_size = check_weights("Stepper", cell, weights)
        if not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise ValueError(f"Stepper: expected batch_size of at least 1, got {batch_size}")
        shape = batch_size, hidden_size
        self._dtype = dtype
        packed = Weights(*(contiguous(array) for array in weights))  # type: ignore[arg-type]
        self._stepper = _engine.Stepper(
            cell=cell,
            dtype=dtype.name,
            num_rows=batch_size,
            input_size=input_size,
            hidden_size=hidden_size,
            **{name: address(array) for name, array in packed._asdict().items()},
        )
        self.h = np.zeros(shape, dtype)
        self.c = np.zeros(shape, dtype) if cell == "lstm" else None

    def step(self, input: Array) -> Array:
        """Read one vector a row, (N, I) or, for one row, (I,); returns ``h``, not a copy.

        An input that is not in C order is copied.

        Raises:
            ValueError: A shape or dtype that does not fit, or a state that cannot be written.
            TypeError: Something is not an array.
        """
        try:
            self._step(input)
        except TypeError:  # arrays that the binding does not take: looked at where they are rare
            check_array("Stepper", "input", input)
            self._check_state("h", self.h)
            if self.c is not None:
                self._check_state("c", self.c)
            self._step(checked("Stepper", "input", input, input.shape, self._dtype))
        return self.h

    def _step(self, input: Array | None) -> None:
        if self.c is None:
            self._stepper.step(input, self.h)
        else:
            self._stepper.step(input, self.h, self.c)

    def _check_state(self, name: str, state: Array) -> None:
        check_array("Stepper", name, state)
        checked("Stepper", name, state, state.shape, self._dtype)
        if not (state.flags.c_contiguous and state.flags.writeable):
            raise ValueError(
                f"Stepper: expected {name} in C order and writable, got strides {state.strides} "
                f"and writeable={state.flags.writeable}; write into {name} instead of replacing it"
            )

    def reset(self) -> None:
        """Set the state to zeros."""
        self.h.fill(0)
        if self.c is not None:
            self.c.fill(0)
