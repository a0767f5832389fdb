"""Checks for what surrounds a call: tracing or compilation, transforms, batched gradients."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Proxy

_functorch = torch._C._functorch


def are_traced() -> bool:
    """Whether ``torch.jit.trace`` is at work, or the exporter to ONNX that is built on it.

    It writes down the operations of one call, and what Python computes beside them as constants.
    """
    return not torch.compiler.is_compiling() and torch._C._get_tracing_state() is not None


def are_made() -> bool:
    """Whether a graph is being traced or compiled, to be run on other values later."""
    return torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None


@contextmanager
def checks_alone() -> Iterator[None]:
    """Within it ``torch.jit.trace`` does not warn that what Python compares becomes a constant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        yield


def are_transformed() -> bool:
    """Whether a transform of ``torch.func`` is under way."""
    # Not compared with None: while torch.compile traces, the comparison is wrong.
    return isinstance(_functorch.peek_interpreter_stack(), _functorch.CInterpreter)


def have_batched(*grads: Tensor | None) -> bool:
    """Whether a gradient is a batch of several.

    By ``torch.func``, or by ``is_grads_batched``, which has an implementation of its own.
    """
    if are_transformed():
        return True
    return any(grad is not None and _functorch.is_legacy_batchedtensor(grad) for grad in grads)


def are_symbols(input: Any, other: Any = None) -> bool:
    """Whether ``torch.fx`` traces the call: the arguments are its proxies."""
    return isinstance(input, Proxy) or isinstance(other, Proxy)


def leaf(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """A call of the module as one node of the graph that ``torch.fx`` makes, as torch.nn's have.

    Raises:
        RuntimeError: The module is not part of a model.
    """
    tracer: Any = next(argument for argument in args if isinstance(argument, Proxy)).tracer
    path = tracer.path_of_module(module)
    if not path:
        raise RuntimeError(
            f"{type(module).__name__}: expected a part of a model for torch.fx, got the module "
            "alone; trace nn.Sequential(module)"
        )
    given = {name: value for name, value in kwargs.items() if value is not None}
    return tracer.create_proxy("call_module", path, args, given)
