"""The kernels' gate functions over an array, which only builds for development have."""

import numpy as np

from tidegate import _engine


def apply(function, input):
    """``exp``, ``tanh`` or ``sigmoid`` as the kernels compute it, element by element."""
    values = np.ascontiguousarray(input)
    result = np.empty_like(values)
    _engine.apply(function, values.dtype.name, values.ctypes.data, result.ctypes.data, values.size)
    return result
