"""The choice between the engine and operations of torch (the composite), with its reason."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from tidegate.nn import _composite, _graphs, _native
from tidegate.nn._composite import State, Weights
from tidegate.nn._layout import Layout, Tokens

MISSING: str | None = None
try:
    from tidegate import engine
    from tidegate.nn import _fast, _fast_pooling, _flops, _operators  # noqa: F401
except ImportError as error:
    MISSING = f"the compiled engine could not be loaded ({error})"


class Explanation(NamedTuple):
    """Which path a call takes, and why; ``str()`` says it in a line."""

    path: str
    """``engine`` or ``composite``."""
    reason: str
    isa: str | None = None
    """The engine's instruction set."""

    def __str__(self) -> str:
        if self.isa is not None:
            return f"{self.path} ({self.isa})"
        return f"{self.path}: {self.reason}"


def explain(reason: str | None) -> Explanation:
    """The explanation of a call with this obstacle, or none."""
    if reason is None:
        return Explanation("engine", "nothing stands in its way", engine.active_isa())
    return Explanation("composite", reason)


class _Strict(threading.local):
    depth = 0


_strict = _Strict()
_has_warned = False


@contextmanager
def strict() -> Iterator[None]:
    """Within it, a call of this thread that the engine cannot serve raises a ``RuntimeError``.

    What ``torch.compile`` compiles is held to it as well when it is compiled within it.
    """
    _strict.depth += 1
    try:
        yield
    finally:
        _strict.depth -= 1


def layer(
    reason: str | None,
    cell: str,
    values: Tensor,
    states: State | None,
    weights: list[Weights],
    layout: Layout,
    tokens: Tokens | None = None,
) -> tuple[Tensor, State]:
    """Run one layer by the engine, or where there is an obstacle by operations of torch.

    As :func:`tidegate.nn._composite.layer`; with tokens, ``values`` is the embedding table.
    """
    if reason is None:
        return _fast.layer(cell, values, states, weights, layout, tokens)
    data = values if tokens is None else tokens.embed(values, layout)
    run = _native.layer if _native.is_needed(weights, layout) else _composite.layer
    return run(cell, data, states, weights, layout)


def takes_call(values: Tensor) -> bool:
    """Whether the engine can be called on a tensor as it stands, without an operator's help."""
    return obstacle([values]) is None and not _operators.are_needed(values)


def pool(values: Tensor, offsets: Tensor, how: str) -> Tensor:
    """As :func:`tidegate.nn._fast_pooling.pool`, where :func:`takes_call` holds."""
    return _fast_pooling.pool(values, offsets, how)


def first_maxima(values: Tensor, offsets: Tensor) -> Tensor:
    """As :func:`tidegate.nn._fast_pooling.first_maxima`, likewise."""
    return _fast_pooling.first_maxima(values, offsets)


_PLAIN = (Tensor, nn.Parameter)


def obstacle(tensors: list[Tensor | None]) -> str | None:
    """Why the engine cannot serve a call with these tensors; None where it can."""
    if MISSING is not None:
        return MISSING
    first = tensors[0]
    assert first is not None
    dtype = first.dtype
    if dtype is not torch.float32 and dtype is not torch.float64:
        return f"the engine computes in float32 and float64, not in {dtype}"
    is_compiling = torch.compiler.is_compiling()
    for tensor in tensors:
        if tensor is None:
            continue
        # First: a subclass may not support the checks below.
        if not is_compiling and type(tensor) not in _PLAIN and not _is_fake(tensor):
            return f"the engine reads plain tensors, not {type(tensor).__name__}"
        if not tensor.is_cpu:
            return f"the engine runs on the CPU, not on {tensor.device}"
        if tensor.dtype is not dtype:
            return f"there are tensors of {dtype} and of {tensor.dtype}"
        if tensor.layout is not torch.strided:
            return f"the engine reads strided tensors, not {tensor.layout}"
    if torch.is_autocast_enabled("cpu"):
        return "autocast is on, and the engine computes in one dtype"
    if _graphs.are_transformed():
        return "a transform of torch.func is under way, and the engine has no rule for it"
    if _graphs.are_made() and torch.onnx.is_in_onnx_export():
        return "ONNX has no operator of the engine"
    return None if is_compiling else _obstacle_in_eager(tensors)


def _obstacle_in_eager(tensors: list[Tensor | None]) -> str | None:
    """Obstacles that only eager calls can meet, and only they can be asked about."""
    if forward_ad._current_level >= 0:
        return "forward-mode differentiation is under way, and the engine has no rule for it"
    is_wrapped = torch._C._functorch.is_functorch_wrapped_tensor
    for tensor in tensors:
        if tensor is not None and is_wrapped(tensor):
            return "a tensor is left over from a transform of torch.func, and has no memory"
    return None


def _is_fake(tensor: Tensor) -> bool:
    from torch._subclasses.fake_tensor import FakeTensor

    return isinstance(tensor, FakeTensor)


def take_slow_path(name: str, reason: str) -> None:
    """Refuse the composite within :func:`strict`, and say once that the engine is missing."""
    if _strict.depth:
        raise RuntimeError(
            f"{name}: expected a call for the engine within tidegate.nn.strict(), got one for the "
            f"composite: {reason}; mend that, or leave strict() to run slowly"
        )
    if reason is MISSING:
        _warn_once()


def _warn_once() -> None:
    global _has_warned
    if not _has_warned:
        _has_warned = True
        warnings.warn(
            f"tidegate.nn: {MISSING}; loops of torch operations serve in its place, slowly",
            RuntimeWarning,
            stacklevel=7,  # the line that calls the module
        )
