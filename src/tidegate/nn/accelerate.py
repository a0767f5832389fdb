"""Swapping the recurrent layers of a PyTorch model for this package's, and back."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from tidegate.nn import cells, layers
from tidegate.nn._base import RecurrentLayers
from tidegate.nn.cells import RecurrentCell

TWINS: dict[type[nn.Module], type[nn.Module]] = {
    nn.RNN: layers.RNN,
    nn.LSTM: layers.LSTM,
    nn.GRU: layers.GRU,
    nn.RNNCell: cells.RNNCell,
    nn.LSTMCell: cells.LSTMCell,
    nn.GRUCell: cells.GRUCell,
}
_ORIGINALS = {twin: original for original, twin in TWINS.items()}

# What torch.nn's layers keep beside their parameters and arguments, to be made anew by restore().
_CACHES = ("_flat_weights", "_flat_weight_refs")

# Errors of a probe beyond these are not rounding: torch.testing's bounds, 100 times as wide for
# float32, for the two sum in different orders and a layer feeds its rounding back into itself.
_TOLERANCES = {torch.float32: (1.3e-4, 1e-4), torch.float64: (1e-7, 1e-7)}


class Row(NamedTuple):
    """What was done with one layer."""

    name: str
    """Its name in the model; empty for the model itself."""
    layer: str
    """The class and arguments it had, as ``repr`` writes them."""
    is_swapped: bool
    note: str
    """The path it takes now, or why it was left as it was."""


class Swaps(tuple[Row, ...]):
    """The rows of all recurrent layers of a model; ``str()`` is a table."""

    __slots__ = ()

    def __str__(self) -> str:
        if not self:
            return "no recurrent layers"
        lines = [("layer", "class", "swapped", "note")]
        for name, layer, is_swapped, note in self:
            lines.append((name or "(the model)", layer, "yes" if is_swapped else "no", note))
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    __repr__ = __str__


def accelerate(model: nn.Module, probe: Any = None) -> Swaps:
    """Make every ``torch.nn`` RNN, LSTM, GRU and cell of a model one of ``tidegate.nn``, in place.

    A layer changes its class and stays the same object: parameters, optimisers that hold them,
    hooks, names, mode, and other references to it go on as before. What the engine would not
    serve, or what may not be what it seems, is left alone, and the table says why. Each swapped
    layer is run on random input before and after; the outputs must agree.

    Args:
        model: The model, or a single layer.
        probe: An input of the model, or a tuple of its positional arguments; when given, the whole
            model is run on it as well, in evaluation mode and without gradients, hooks included.

    Returns:
        What was swapped, what was not and why.

    Raises:
        RuntimeError: Outputs do not agree; every layer is what it was before.
    """
    before = None if probe is None else _run_model(model, probe)
    rows: list[Row] = []
    swapped: list[nn.Module] = []
    try:
        for name, module in model.named_modules():
            if not isinstance(module, (nn.RNNBase, nn.modules.rnn.RNNCellBase)):
                continue
            text = repr(module)
            reason = _obstacle(module) or _swap_and_check(name or "the model", module)
            if reason is None:
                swapped.append(module)
            rows.append(Row(name, text, reason is None, reason or "engine"))
        if before is not None:
            _compare("the model's output", before, _run_model(model, probe))
    except BaseException:
        for module in swapped:
            _swap_back(module)
        raise
    return Swaps(rows)


def restore(model: nn.Module) -> Swaps:
    """Make the layers of ``tidegate.nn`` in a model ``torch.nn``'s again, in place.

    They stay the same objects with the same parameters. Layers that :func:`accelerate` did not
    make are restored just as well, but for the GRU with reset before, which PyTorch has none of.

    Returns:
        What was swapped, what was not and why.
    """
    rows = []
    for name, module in model.named_modules():
        if not isinstance(module, (RecurrentLayers, RecurrentCell)):
            continue
        text = repr(module)
        reason = None
        if type(module) not in _ORIGINALS:
            reason = f"{type(module).__name__} is a subclass, whose own code may need its base"
        elif getattr(module, "reset", "after") != "after":
            reason = "PyTorch has no GRU with reset before"
        else:
            _swap_back(module)
        note = reason or f"torch.nn.{type(module).__name__}"
        rows.append(Row(name, text, reason is None, note))
    return Swaps(rows)


def _obstacle(module: nn.Module) -> str | None:
    """Why a layer of torch.nn cannot be swapped; None where it can."""
    original = type(module)
    if original not in TWINS:
        return f"{original.__name__} is a subclass of torch.nn's, with code of its own"
    if "forward" in vars(module):
        return "its forward was replaced"
    for name in _parameter_names(module):
        if not isinstance(module._parameters.get(name), Tensor):
            return f"{name} is not a parameter of its own (weight norm, pruning)"
    return None


def _parameter_names(module: Any) -> list[str]:
    if isinstance(module, nn.RNNBase):
        return list(module._flat_weights_names)
    return ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if module.bias else [])]


def _swap(module: Any) -> None:
    module.__class__ = TWINS[type(module)]
    for name in _CACHES:
        vars(module).pop(name, None)
    if isinstance(module, (layers.GRU, cells.GRUCell)):
        module.reset = "after"


def _swap_back(module: Any) -> None:
    vars(module).pop("reset", None)
    module.__class__ = _ORIGINALS[type(module)]
    if isinstance(module, nn.RNNBase):
        module._init_flat_weights()


def _swap_and_check(name: str, module: Any) -> str | None:
    """Swap a layer whose outputs stay what they are; why not, where the engine would not serve it.

    Raises:
        RuntimeError: The outputs differ; the layer is what it was before.
    """
    inputs = _random_inputs(module)
    _swap(module)
    try:
        explanation = module.explain(*inputs)
        if explanation.path == "composite":
            _swap_back(module)
            return str(explanation.reason)
        got = _run_layer(module, inputs)
        _swap_back(module)
        expected = _run_layer(module, inputs)
        _compare(name, expected, got)
    except BaseException:
        if type(module) in _ORIGINALS:
            _swap_back(module)
        raise
    _swap(module)
    return None


def _random_inputs(module: Any) -> tuple[Any, ...]:
    """An input and initial states for a layer, drawn without touching torch's own generator."""
    generator = torch.Generator().manual_seed(0)
    weight = module._parameters[_parameter_names(module)[0]]

    def draw(*shape: int) -> Tensor:
        drawn = torch.randn(*shape, generator=generator, device="cpu")
        return drawn.to(weight.device, weight.dtype)

    if not isinstance(module, nn.RNNBase):
        input, state = draw(3, module.input_size), draw(3, module.hidden_size)
        return input, (state, state / 2) if isinstance(module, nn.LSTMCell) else state
    input = draw(5, 3, module.input_size)
    rows, N = module.num_layers * (2 if module.bidirectional else 1), 5 if module.batch_first else 3
    state = draw(rows, N, module.proj_size or module.hidden_size)
    if isinstance(module, nn.LSTM):
        return input, (state, draw(rows, N, module.hidden_size))
    return input, state


@torch.no_grad()
def _run_layer(module: nn.Module, inputs: tuple[Any, ...]) -> Any:
    """The layer's own forward, without hooks or dropout."""
    training, module.training = module.training, False
    try:
        return type(module).forward(module, *inputs)
    finally:
        module.training = training


@torch.no_grad()
def _run_model(model: nn.Module, probe: Any) -> Any:
    """The model's outputs in evaluation mode; modes and the generator are left as they were."""
    modes = {module: module.training for module in model.modules()}
    try:
        for module in modes:
            module.training = False
        with torch.random.fork_rng(devices=[]):
            return model(*probe) if isinstance(probe, tuple) else model(probe)
    finally:
        for module, training in modes.items():
            module.training = training


def _compare(name: str, expected: Any, got: Any) -> None:
    """Raise RuntimeError where two nested results differ by more than rounding."""
    pairs = zip(tree_leaves(expected), tree_leaves(got), strict=True)
    for index, (a, b) in enumerate(pairs):
        if not isinstance(a, Tensor):
            continue
        rtol, atol = _TOLERANCES.get(a.dtype, (0.0, 0.0))
        if a.shape != b.shape or a.dtype != b.dtype:
            difference = f"{tuple(b.shape)} of {b.dtype} for {tuple(a.shape)} of {a.dtype}"
        elif torch.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True):
            continue
        else:
            difference = f"a largest difference of {(a - b).abs().max().item():.3g}"
        raise RuntimeError(
            f"accelerate: expected the outputs of {name} to stay the same (rtol = {rtol:g}, "
            f"atol = {atol:g}), got {difference} in output {index}; nothing is swapped"
        )
